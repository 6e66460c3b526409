// A virtual machine's hypervisor by libvirt: `virsh` on the plane's own machine. Only a domain that was destroyed, crashed or
// went down here is off: one that is paused or saved goes on, one that was migrated runs elsewhere, and of one whose end
// nobody remembers that cannot be told.
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import type { PowerState } from '../cluster/fence-view.ts'
import { type FenceDevice, FenceFault } from './fence-device.ts'
import { complaint, runTool } from './run-tool.ts'

type Setup = Extract<FenceDeviceSetup, { kind: 'libvirt' }>

/** Why a domain may be `shut off` with nothing of it left that could go on. */
const ends = ['destroyed', 'crashed', 'shutdown']

export function libvirtDevice({ uri, domain }: Setup['options']): FenceDevice {
  const ask = (signal: AbortSignal, ...words: string[]) => virsh(uri, words, signal)
  const stateOf = async (signal: AbortSignal) =>
    (await ask(signal, 'domstate', '--reason', domain)).trim()
  const isSaved = async (signal: AbortSignal) =>
    !/^Managed save:\s+no$/m.test(await ask(signal, 'dominfo', domain))
  const powerOf = async (signal: AbortSignal): Promise<PowerState> => {
    const said = await stateOf(signal)
    // SAFETY: it may be running at the other end. Taken for paused here, it would count as ended when the move is given up.
    if (/^(paused|running) \((migrating|post-copy.*|starting up)\)/.test(said)) return 'changing'
    if (/^(paused|pmsuspended|crashed)\b/.test(said)) return 'paused'
    if (/^(running|idle)\b/.test(said)) return 'on'
    if (/^in shutdown\b/.test(said)) return 'changing'
    const reason = /^shut off \(([^)]*)\)$/.exec(said)?.[1]
    if (reason === undefined || !ends.includes(reason)) return 'unknown'
    // SAFETY: an image of its memory would be continued at the next start, with everything that ran.
    return (await isSaved(signal)) ? 'unknown' : 'off'
  }
  return {
    async look(signal) {
      const uuid = (await ask(signal, 'domuuid', domain)).trim().toLowerCase()
      return { state: await powerOf(signal), identity: { uuid, serial: null } }
    },
    async powerOff(signal) {
      // Destroyed in mid-move the machine may come alive at its target.
      const job = await ask(signal, 'domjobinfo', domain).catch(() => '')
      if (/^Operation:.*migration/im.test(job))
        throw new FenceFault('it is being migrated just now')
      if (!(await stateOf(signal)).startsWith('shut off')) await ask(signal, 'destroy', domain)
      if (await isSaved(signal)) await ask(signal, 'managedsave-remove', domain)
    },
    async powerOn(signal) {
      if ((await powerOf(signal)) === 'off') await ask(signal, 'start', domain)
    },
  }
}

/** One command to its end. Throws what virsh complained of, in one line. */
async function virsh(uri: string, words: string[], signal: AbortSignal): Promise<string> {
  const ran = await runTool('virsh', ['--quiet', '--connect', uri, ...words], signal)
  if (ran.code === 0) return ran.stdout
  throw new FenceFault(`virsh ${words[0]}: ${complaint(ran) || `exit code ${ran.code}`}`)
}
