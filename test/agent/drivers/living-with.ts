// Which processes of the host carry a word in their environment, or in the names of their cgroups.
import { readdirSync, readFileSync } from 'node:fs'

export function pidsWith(word: string, where: 'environ' | 'cgroup' = 'environ'): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/${where}`, 'latin1').includes(word)) return false
        return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
      } catch {
        return false // gone meanwhile
      }
    })
    .map(Number)
}
