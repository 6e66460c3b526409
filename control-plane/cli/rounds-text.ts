// Stored rounds and replays as text. Pure: used by the command line tool and by the admin scripts alike.
import type { ReplayBody, RoundsBody } from '../../shared/rounds.ts'
import { formatMoment } from './duration.ts'
import { formatTable, paint } from './table.ts'

/** The list, newest first, and how many are missing in it. */
export function formatRounds({ rounds, missing }: RoundsBody): string {
  const table = formatTable(rounds, [
    { title: 'ROUND', value: ({ round }) => String(round), align: 'right' },
    { title: 'AT', value: ({ at }) => formatMoment(at) },
    { title: 'CHANGES', value: ({ changes }) => String(changes), align: 'right' },
    { title: 'BYTES', value: ({ bytes }) => String(bytes), align: 'right' },
    { title: 'FIRST', value: ({ line }) => line },
  ])
  if (missing === 0) return table
  return `${table}\n\n${paint('yellow', `${missing} rounds in between are not stored.`)}`
}

/** The verdict, and each line that differs. */
export function formatReplay({
  round,
  same,
  changesThen,
  changesNow,
  difference,
}: ReplayBody): string {
  if (same)
    return `round ${round}: ${paint('green', 'the same')}, ${changesNow} change${changesNow === 1 ? '' : 's'}`
  const colour = (line: string) =>
    paint(line.startsWith('-') ? 'red' : line.startsWith('+') ? 'green' : 'yellow', line)
  return [
    `round ${round}: ${paint('red', 'different')}, ${changesThen} changes then, ${changesNow} now`,
    ...difference.map(colour),
  ].join('\n')
}
