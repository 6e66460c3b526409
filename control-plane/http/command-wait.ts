// ?wait=SECONDS: hold the answer until a command is finished, or say how far it is when the time is over.
import type { Context } from 'hono'
import type { CommandBody } from '../../shared/operator-api.ts'
import type { OperatorDeps } from './deps.ts'
import { ProblemError } from './errors.ts'
import type { EventFeed } from './event-feed.ts'

export const longestWaitS = 60
/** Lost notifications cost at most this. */
const lookEveryMs = 500

/** The seconds asked for; 0 without `wait`. */
export function waitSeconds(context: Context): number {
  const asked = context.req.query('wait')
  if (asked === undefined) return 0
  const seconds = Number(asked)
  if (Number.isFinite(seconds) && seconds >= 0 && seconds <= longestWaitS) return seconds
  throw new ProblemError(422, 'invalid', `wait: must be 0 to ${longestWaitS} seconds`, {
    errors: [{ field: 'wait', message: `must be 0 to ${longestWaitS} seconds` }],
  })
}

/** The command once it is finished, or as it stands after `seconds`. */
export async function awaitCommand(
  deps: Pick<OperatorDeps, 'store' | 'clock'>,
  feed: EventFeed,
  clusterId: number,
  command: CommandBody,
  seconds: number,
  signal: AbortSignal,
): Promise<CommandBody> {
  const untilMs = deps.clock.bootMs() + seconds * 1000
  let now = command
  while (now.finishedAt === null && !signal.aborted) {
    const leftMs = untilMs - deps.clock.bootMs()
    if (leftMs <= 0) break
    await feed.next(clusterId, Math.min(leftMs, lookEveryMs), signal)
    now = (await deps.store.rows.findCommand(clusterId, command.uid)) ?? now
  }
  return now
}
