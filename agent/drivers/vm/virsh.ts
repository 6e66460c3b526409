// Asking libvirt's daemon through `virsh`. An answer that does not come proves nothing; a daemon that is not there is told
// apart from one that does not answer.
import { type CommandResult, runCommand } from '../run-command.ts'

export type Virsh = {
  uri: string
  /** One command, to its end or to its timeout, after which the daemon may still be carrying it out. */
  run(args: string[], options?: { timeoutMs?: number; input?: string }): Promise<CommandResult>
  /** As `run`, for what must succeed. Throws `VirshFailed`. */
  ask(args: string[], options?: { timeoutMs?: number }): Promise<string>
  /**
   * Several in one go, each with its output; one that fails has none, and a daemon that dies meanwhile fails the rest.
   * Throws if there was no daemon to begin with.
   */
  askAll(commands: string[][]): Promise<string[]>
}

export class VirshFailed extends Error {
  /** Nothing listens where the daemon should be. */
  readonly isNoDaemon: boolean
  constructor(what: string, result: CommandResult) {
    const said = result.isTimeout ? 'no answer in time' : faultOf(result)
    super(`virsh ${what}: ${said}`)
    this.isNoDaemon = /Failed to connect socket .*(Connection refused|No such file)/s.test(
      result.stderr,
    )
  }
}

/** What it complained about, in one line. */
export function faultOf({ code, stderr }: CommandResult): string {
  const said = stderr.replace(/^error: /gm, '').replace(/\s+/g, ' ')
  return said.trim().slice(0, 1_000) || `exit code ${code}`
}

const answersWithinMs = 10_000
/** Between the answers of several commands. */
const divider = '@@holdfast'
/** What virsh prints before each command it reads, and that command. */
const prompts = /virsh # .*\n/g

export function createVirsh(uri: string): Virsh {
  const run: Virsh['run'] = (args, { timeoutMs = answersWithinMs, input } = {}) =>
    runCommand('virsh', ['--quiet', '--connect', uri, ...args], {
      timeoutMs,
      mostBytes: 16 * 1024 * 1024,
      environment: { VIRSH_HISTSIZE: '0' },
      ...(input !== undefined && { input }),
    })
  return {
    uri,
    run,
    async ask(args, options) {
      const result = await run(args, options)
      if (result.code !== 0) throw new VirshFailed(args[0] ?? '', result)
      return result.stdout
    },
    async askAll(commands) {
      if (commands.length === 0) return []
      // From its input it goes on after one that fails.
      const lines = commands.flatMap((words) => [words.join(' '), `echo ${divider}`])
      const result = await run([], { input: `${lines.join('\n')}\n` })
      const parts = result.stdout.replace(prompts, '').split(divider)
      if (parts.length <= commands.length) throw new VirshFailed('', result)
      return parts.slice(0, commands.length)
    },
  }
}
