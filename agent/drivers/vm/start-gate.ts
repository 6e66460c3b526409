// The start gate of virtual machines: grant files, and the hook that asks for them. Nothing is started or received before
// the daemon that is there now has shown that it runs the hook.
import { existsSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createGate } from '../gate.ts'
import { hookPath, type HookPlaces, installHook, reloadDaemons, whyNotGated } from './hook.ts'
import type { Virsh } from './virsh.ts'

export type StartGate = {
  /** The hook is there for whatever daemon begins from now on. Throws if it cannot be. */
  install(): void
  /** Why nothing may begin here, as one sentence; null: the gate holds. */
  whyNot(): Promise<string | null>
  /** The daemon may be another one: it must show anew that it runs the hook. */
  doubt(): void
  open(sid: string, generation: number): void
  /** Whether something has come in by the grant of a half that was opened. */
  isTaken(sid: string): boolean
  /** Whether that node has its hook on this host. */
  isAtHome(nodeUid: string): boolean
  /** Nothing of the service begins any more, and nothing comes in. */
  close(sid: string): void
}

export type StartGateDeps = HookPlaces & { bootId: string; virsh: Virsh; pidFiles: string[] }

/** How long a daemon may take to find its hooks after it was told to. */
const reloadsWithinMs = 2_000

export function createStartGate(deps: StartGateDeps): StartGate {
  const { nodeUid, virsh } = deps
  const gate = createGate(deps.grants, 'vm', deps.bootId)
  let shown: Promise<string | null> | null = null

  async function show(): Promise<string | null> {
    let why = await whyNotGated(virsh, nodeUid)
    if (why === null) return null
    reloadDaemons(deps.pidFiles)
    for (let waitedMs = 0; waitedMs < reloadsWithinMs && why !== null; waitedMs += 200) {
      await pause(200)
      why = await whyNotGated(virsh, nodeUid)
    }
    return why
  }

  function install(): void {
    try {
      installHook(deps)
    } catch (error) {
      throw new Error(`the start gate cannot be installed: ${(error as Error).message}`)
    }
  }

  return {
    install,
    async whyNot() {
      try {
        install()
      } catch (error) {
        return (error as Error).message
      }
      shown ??= show()
      const why = await shown
      if (why !== null) shown = null
      return why
    },
    doubt: () => {
      shown = null
    },
    open: (sid, generation) => gate.open(sid, generation),
    isTaken: (sid) => existsSync(`${gate.path(sid)}.in`),
    isAtHome: (other) => other === nodeUid || existsSync(hookPath({ ...deps, nodeUid: other })),
    close(sid) {
      // First the one that lets in, then what it may have become.
      gate.close(sid)
      rmSync(`${gate.path(sid)}.in`, { force: true })
    },
  }
}
