// ha-manager: parses the command line, runs the command, and turns what went wrong into a sentence and an exit code.
import { CommanderError, type Command } from 'commander'
import { exitCodes, Failure, formatFailure } from './failure.ts'
import { addDev, createProgram } from './program.ts'

/** Runs one command line; returns its exit code. */
export async function runCli(given: string[]): Promise<number> {
  const program = createProgram()
  const words = inOurSpelling(given)
  try {
    // In help and completion of the top level it must be seen too, so only a command by another name goes without it.
    if (mayConcernDev(words)) await addDev(program)
    everywhere(program, (command) =>
      command.exitOverride().showHelpAfterError('(--help shows how it is used)'),
    )
    await program.parseAsync(words, { from: 'user' })
    return exitCodes.ok
  } catch (cause) {
    return report(cause, words.includes('--json'))
  }
}

/** The reference writes these options with an underscore. What stands behind `--` is not ours. */
function inOurSpelling(words: string[]): string[] {
  const end = words.indexOf('--')
  return words.map((word, at) =>
    end !== -1 && at > end
      ? word
      : word.replace(/^--max_(restart|relocate)(?==|$)/, (option) => option.replace('_', '-')),
  )
}

function mayConcernDev(words: string[]): boolean {
  const verb = words.find((word) => !word.startsWith('-'))
  return verb === undefined || ['dev', 'help', '__complete'].includes(verb)
}

function everywhere(command: Command, set: (command: Command) => void): void {
  set(command)
  for (const child of command.commands) everywhere(child, set)
}

function report(cause: unknown, json: boolean): number {
  // Commander has already printed the error, or the help that was asked for.
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (cause instanceof Failure) {
    process.stderr.write(`${formatFailure('ha-manager', cause, json)}\n`)
    return cause.exitCode
  }
  process.stderr.write(
    `ha-manager: this is a bug, please report it\n${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`,
  )
  return exitCodes.refused
}

if (import.meta.main) {
  // A reader that has gone away (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
    throw error
  })
  process.on('SIGINT', () => process.exit(130))
  process.exitCode = await runCli(process.argv.slice(2))
}
