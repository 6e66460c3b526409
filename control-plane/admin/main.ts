// npm run admin: what an operator needs when no plane runs, straight on Postgres.
import { Command, CommanderError } from 'commander'
import { exitCodes, Failure, formatFailure } from '../cli/failure.ts'
import { addCheck } from './check.ts'
import { addCreate } from './create.ts'
import { addFence } from './fence.ts'
import { addMigrate } from './migrate.ts'
import { addReplay } from './replay.ts'
import { addRestored } from './restored.ts'
import { addStatus } from './status.ts'

const notes = `
Database: DATABASE_URL; without it that of the site in HOLDFAST_HOME (default .holdfast), started for the moment if need be.
Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 no database reached`

/** Builds the command tree. */
export function createAdminProgram(): Command {
  const program = new Command('admin')
    .description('Straight on the database: for the first steps, and for when no plane runs.')
    .option('--cluster <name>', 'which cluster, where there are several')
    .option('--json', 'print JSON')
    .addHelpText('after', notes)
  addStatus(program)
  addCreate(program)
  addFence(program)
  addCheck(program)
  addReplay(program)
  addRestored(program)
  addMigrate(program)
  return program
}

/** Runs one command line; returns its exit code. */
export async function runAdmin(words: string[]): Promise<number> {
  const program = createAdminProgram()
  try {
    everywhere(program, (command) =>
      command.exitOverride().showHelpAfterError('(--help shows how it is used)'),
    )
    await program.parseAsync(words, { from: 'user' })
    return exitCodes.ok
  } catch (cause) {
    if (cause instanceof CommanderError)
      return cause.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (cause instanceof Failure) {
      process.stderr.write(`${formatFailure('admin', cause, words.includes('--json'))}\n`)
      return cause.exitCode
    }
    process.stderr.write(
      `admin: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`,
    )
    return exitCodes.refused
  }
}

function everywhere(command: Command, set: (command: Command) => void): void {
  set(command)
  for (const child of command.commands) everywhere(child, set)
}

if (import.meta.main) process.exitCode = await runAdmin(process.argv.slice(2))
