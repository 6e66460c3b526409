// The option of every command that the plane finishes later: wait until it has.
import type { Command } from 'commander'

/** Adds `--wait`. */
export function waits(command: Command): Command {
  return command.option(
    '--wait [duration]',
    'wait until it is done; an end with an error says why (default 120s)',
  )
}
