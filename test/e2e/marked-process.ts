// A process that a test started: its log is a file, it carries the site's mark, and so does all it starts. Ends by pid only.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { waitFor } from './wait.ts'

/** In the environment of every process of a test site, whoever started it. */
const siteMark = 'HOLDFAST_TEST_SITE'

const compiled = fileURLToPath(new URL('../../node_modules/.cache/e2e', import.meta.url))

export type MarkedOptions = {
  site: string
  args: string[]
  logFile: string
  environment?: Record<string, string>
}

export class MarkedProcess {
  readonly logFile: string
  readonly pid: number
  #child: ChildProcess

  constructor({ site, args, logFile, environment = {} }: MarkedOptions) {
    const log = openSync(logFile, 'a')
    this.#child = spawn(process.execPath, args, {
      // The pipe ends with this process, and what we started with it.
      stdio: ['pipe', log, log],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        // Many processes of the same programs: compiled once.
        NODE_COMPILE_CACHE: compiled,
        ...environment,
        [siteMark]: site,
      },
    })
    closeSync(log)
    this.logFile = logFile
    this.pid = this.#child.pid ?? 0
    process.once('exit', this.#killNow)
    this.#child.once('exit', () => process.off('exit', this.#killNow))
  }

  readonly #killNow = () => void this.#child.kill('SIGKILL')

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Sends `name` and waits for the end; after `patienceMs` kills. True if it ended by itself. */
  async end(name: NodeJS.Signals, patienceMs: number): Promise<boolean> {
    if (this.ended) return true
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    this.#child.kill('SIGCONT')
    this.#child.kill(name)
    let isPatient = true
    const timer = setTimeout(() => {
      isPatient = false
      this.#child.kill('SIGKILL')
    }, patienceMs)
    await ended
    clearTimeout(timer)
    return isPatient
  }

  tail(lines = 60): string {
    if (!existsSync(this.logFile)) return ''
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }
}

/** Runs: a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !'ZX'.includes(text.charAt(text.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** Living processes whose environment holds `NAME=value`. */
export function findMarked(name: string, value: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && isMarked(pid, name, value))
}

function isMarked(pid: number, name: string, value: string): boolean {
  try {
    // A zombie's environment is empty: what executes nothing is not found.
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(`\0${name}=${value}\0`)
  } catch {
    return false
  }
}

/** Kills what is left of a site and returns how it was called: there should be nothing. */
export async function killLeftovers(site: string): Promise<string[]> {
  const found = findMarked(siteMark, site)
  const names = found.map((pid) => `${pid} ${commandOf(pid)}`)
  for (const pid of found) kill(pid)
  await waitFor(() => findMarked(siteMark, site).length === 0, { what: 'leftovers to be dead' })
  return names
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone meanwhile.
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return '(gone)'
  }
}
