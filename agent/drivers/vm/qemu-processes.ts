// Looking for a virtual machine past libvirt: its QEMU processes, and clients of somebody who is moving it. What the daemon
// has forgotten, or cannot end, is found here.
import { readdirSync } from 'node:fs'
import { readProc } from '../process/read-proc.ts'

export type HostProcesses = {
  /** QEMU processes of the domains with these uuids. */
  machines(uuids: readonly string[]): number[]
  /** Which of these machines have one, in one look. */
  alive(uuids: readonly string[]): string[]
  /** `virsh migrate` of this domain through this daemon, whoever runs it. */
  movers(uuid: string, name: string): number[]
}

/**
 * @param uri of the daemon
 * @param isOfHost tells hosts apart that share one process table; without it every QEMU counts
 */
export function createHostProcesses(
  uri: string,
  isOfHost: (pid: number) => boolean = () => true,
): HostProcesses {
  const find = (isMeant: (words: string[], pid: number) => boolean) =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => isMeant(wordsOf(pid), pid))
  return {
    machines: (uuids) => {
      if (uuids.length === 0) return []
      return find(
        (words, pid) => uuids.includes(words[words.indexOf('-uuid') + 1] ?? '') && isOfHost(pid),
      )
    },
    alive(uuids) {
      const found = new Set<string>()
      if (uuids.length > 0)
        find((words, pid) => {
          const uuid = words[words.indexOf('-uuid') + 1] ?? ''
          if (uuids.includes(uuid) && isOfHost(pid)) found.add(uuid)
          return false
        })
      return [...found]
    },
    movers: (uuid, name) =>
      find((words) => {
        const at = words.indexOf('migrate')
        const hasUri = words.some((word) => word === '-c' || word === '--connect')
        if (!/(^|\/)virsh$/.test(words[0] ?? '') || at < 0) return false
        if (hasUri && !words.includes(uri)) return false
        return words.includes(uuid) || words.includes(name)
      }),
  }
}

/** Its command line; none: it is gone, or a zombie, or of the kernel. */
function wordsOf(pid: number): string[] {
  try {
    return readProc(`/proc/${pid}/cmdline`).split('\0')
  } catch {
    return []
  }
}
