// ha-manager rounds, replay: which rounds are in the decision journal, and whether one would be decided the same way now.
import type { Command } from 'commander'
import type { ReplayBody, RoundsBody } from '../../../shared/rounds.ts'
import { refused, usage } from '../failure.ts'
import { withPlane } from '../session.ts'

/** A large round takes a while to read. */
const patienceMs = 60_000

/** Adds the commands of the decision journal. */
export function addRounds(program: Command): void {
  program
    .command('rounds')
    .description('the stored rounds of the CRM that changed something, newest first')
    .option('--before <round>', 'only older ones')
    .option('--limit <n>', 'at most so many', '50')
    .action(
      withPlane<{ before?: string; limit: string }>(async (session, _, { before, limit }) => {
        const rounds = await session.plane.get<RoundsBody>(await session.path('/rounds'), {
          query: {
            limit: roundNumber(limit, '--limit'),
            before: before === undefined ? undefined : roundNumber(before, '--before'),
          },
        })
        const { formatRounds } = await import('../rounds-text.ts')
        session.print(rounds, () => formatRounds(rounds))
      }),
    )
  program
    .command('replay')
    .description('decide a stored round again and compare; exit code 1 where it differs')
    .argument('<round>')
    .action(
      withPlane(async (session, [round = '']) => {
        const number = roundNumber(round, 'the round')
        const path = await session.path(`/rounds/${number}/replay`)
        const replay = await session.plane.get<ReplayBody>(path, { timeoutMs: patienceMs })
        const { formatReplay } = await import('../rounds-text.ts')
        session.print(replay, () => formatReplay(replay))
        if (!replay.same) throw replayDiffers(number)
      }),
    )
}

/** How a replay that differs ends the command. */
export function replayDiffers(round: number) {
  return refused(`round ${round} is decided differently now`, {
    code: 'replay-differs',
    advice: 'Is this plane of the version that ran the round? If so, this is a bug: report it.',
  })
}

/** A round as people type it. */
export function roundNumber(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw usage(`${what} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}
