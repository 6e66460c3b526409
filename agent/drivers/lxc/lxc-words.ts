// Which container an LXC process is about, by its own words: a monitor in the background calls itself
// `[lxc monitor] PATH NAME`; one in the foreground (as units start it) keeps the words it was started with.
import { isGone } from '../process/proc-table.ts'
import { readProc } from '../process/read-proc.ts'

/** `path` null: where containers usually are. */
export type Started = { name: string; path: string | null }

const monitorWords = '[lxc monitor] '

/** null: it starts no container. */
export function startedBy(words: readonly string[]): Started | null {
  const [program = '', ...rest] = words
  if (program.startsWith(monitorWords)) {
    const about = program.slice(monitorWords.length).trimEnd()
    const at = about.lastIndexOf(' ')
    return at < 0 ? null : { path: about.slice(0, at), name: about.slice(at + 1) }
  }
  if (!/(^|\/)lxc-start$/.test(program)) return null
  const name = optionOf(rest, 'n', 'name') ?? rest.findLast((word) => !word.startsWith('-'))
  return name === undefined ? null : { name, path: optionOf(rest, 'P', 'lxcpath') }
}

/** `-n web`, `-nweb`, `--name web`, `--name=web` */
function optionOf(words: readonly string[], letter: string, long: string): string | null {
  for (const [index, word] of words.entries()) {
    if (word === `-${letter}` || word === `--${long}`) return words[index + 1] ?? null
    if (word.startsWith(`--${long}=`)) return word.slice(long.length + 3)
    if (word.startsWith(`-${letter}`) && !word.startsWith('--')) return word.slice(2)
  }
  return null
}

/** A process's command line; none: it is gone, or of the kernel. */
export function wordsOf(pid: number): string[] {
  try {
    return Buffer.from(readProc(`/proc/${pid}/cmdline`), 'latin1')
      .toString('utf8')
      .split('\0')
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
