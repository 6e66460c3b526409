// The reducer's part about commands.
import type { Change } from './change.ts'
import type { CommandStatus } from './view.ts'

type CommandState = { uid: string; status: CommandStatus; reason: string }

/** The commands after a change of one; those that are over leave the view. */
export function advance<T extends CommandState>(
  commands: T[],
  { command: uid, to, why }: Change & { kind: 'command.status' },
): T[] {
  const isOver = to === 'done' || to === 'failed' || to === 'refused'
  return isOver
    ? commands.filter((command) => command.uid !== uid)
    : commands.map((one) => (one.uid === uid ? { ...one, status: to, reason: why } : one))
}
