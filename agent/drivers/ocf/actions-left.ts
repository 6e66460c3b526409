// Actions that may still be under way although nobody waits for them: of an agent that was killed, or cut short. Found by
// the run files that their launchers wrote, and by the mark that whatever they started carries in its environment.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readMark, readProcesses } from '../process/proc-table.ts'
import { readRunFile } from '../process/run-files.ts'
import { sendSignal } from '../send-signal.ts'
import { actionMark } from './agent-call.ts'

export type ActionsLeft = {
  /** Where the launcher of one action is to write. */
  runFile(sid: string, id: string): string
  /** Processes of launched actions of this boot, and what has stayed in their sessions. */
  pids(sid: string): number[]
  /** Kills them; false: some are still there after `patienceMs`. */
  end(sid: string): Promise<boolean>
  /** Kills whatever carries the mark. */
  endMarked(mark: string): Promise<boolean>
  forget(sid: string): void
}

/** How long killed processes may take to vanish before there is a doubt. */
const patienceMs = 5_000
const lookEveryMs = 10

export function createActionsLeft(directory: string, bootId: string): ActionsLeft {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const files = (sid: string) =>
    readdirSync(directory)
      .filter((name) => name.startsWith(`${sid}+`))
      .map((name) => join(directory, name))

  function pids(sid: string): number[] {
    const leaders = files(sid).flatMap((path) => readRunFile(path, bootId) ?? [])
    if (leaders.length === 0) return []
    const processes = readProcesses()
    return leaders.flatMap((leader) => {
      const now = processes.find(({ pid }) => pid === leader.pid)
      // Another process with its number: the session it led is over.
      if (now && now.startTime !== leader.startTime) return []
      return processes.filter(({ session }) => session === leader.pid).map(({ pid }) => pid)
    })
  }

  const marked = (mark: string) =>
    readProcesses()
      .map(({ pid }) => pid)
      .filter((pid) => readMark(pid, actionMark) === mark)

  return {
    pids,
    runFile: (sid, id) => join(directory, `${sid}+${id}`),
    end: (sid) => killAll(() => pids(sid)),
    endMarked: (mark) => killAll(() => marked(mark)),
    forget(sid) {
      for (const path of files(sid)) rmSync(path, { force: true })
    },
  }
}

async function killAll(look: () => number[]): Promise<boolean> {
  for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += lookEveryMs) {
    const found = look()
    if (found.length === 0) return true
    for (const pid of found) sendSignal(pid, 'SIGKILL')
    await pause(lookEveryMs)
  }
  return false
}
