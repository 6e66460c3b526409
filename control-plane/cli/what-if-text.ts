// The answer to a what-if as text: the question in a sentence, what moves, what fits nowhere, and the nodes before and after.
import type { WhatIf, WhatIfBody } from '../../shared/what-if.ts'
import { formatDuration } from './duration.ts'
import { type Column, formatTable, paint } from './table.ts'

type Move = WhatIfBody['moves'][number]
type Nowhere = WhatIfBody['nowhere'][number]
type Stop = WhatIfBody['stops'][number]
type Node = WhatIfBody['nodes'][number]

const anyway = ({ anyway }: { anyway: boolean }) => (anyway ? 'under way already' : '')

const moveColumns: Column<Move>[] = [
  { title: 'SERVICE', value: ({ sid }) => sid },
  { title: 'FROM', value: ({ from }) => from ?? '---' },
  { title: 'TO', value: ({ to }) => to },
  { title: 'STARTS IN', value: ({ startsInMs }) => formatDuration(startsInMs), align: 'right' },
  { title: 'AT MOST', value: ({ atMostMs }) => formatDuration(atMostMs), align: 'right' },
  { title: 'WHY', value: ({ live, why }) => (live ? `live: ${why}` : why) },
  { title: '', value: anyway, optional: true },
]

const nowhereColumns: Column<Nowhere>[] = [
  { title: 'RUNS NOWHERE', value: ({ sid }) => sid, colour: () => 'red' },
  { title: 'FROM', value: ({ from }) => from ?? '---' },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'WHY', value: ({ why }) => why },
  { title: '', value: anyway, optional: true },
]

const stopColumns: Column<Stop>[] = [
  { title: 'STOPS', value: ({ sid }) => sid },
  { title: 'ON', value: ({ from }) => from },
  { title: 'WHY', value: ({ why }) => why },
  { title: '', value: anyway, optional: true },
]

const nodeColumns: Column<Node>[] = [
  { title: 'NODE', value: ({ node }) => node },
  { title: 'NOW', value: ({ stateNow }) => stateNow },
  { title: 'THEN', value: ({ stateThen }) => stateThen },
  { title: 'SERVICES NOW', value: ({ servicesNow }) => String(servicesNow), align: 'right' },
  { title: 'THEN', value: ({ servicesThen }) => String(servicesThen), align: 'right' },
  { title: 'NOTE', value: ({ note }) => note, optional: true },
]

/** The whole answer. `story`: with every change in its order. */
export function formatWhatIf(supposed: WhatIf, answer: WhatIfBody, story: boolean): string {
  const blocks = [`If ${question(supposed)}:`]
  if (answer.moves.length > 0) blocks.push(formatTable(answer.moves, moveColumns))
  if (answer.nowhere.length > 0) blocks.push(formatTable(answer.nowhere, nowhereColumns))
  if (answer.stops.length > 0) blocks.push(formatTable(answer.stops, stopColumns))
  blocks.push(formatTable(answer.nodes, nodeColumns))
  if (story)
    blocks.push(
      answer.story.map(({ inMs, line }) => `+${formatDuration(inMs)}  ${line}`).join('\n'),
    )
  blocks.push(verdict(answer))
  return blocks.join('\n\n')
}

function question({ down, maintenance, back, services, confirmed }: WhatIf): string {
  const parts: string[] = []
  if (maintenance.length > 0) parts.push(`${list(maintenance)} went into maintenance`)
  if (back.length > 0) parts.push(`${list(back)} came back`)
  for (const { sid, requested, removed } of services)
    parts.push(removed ? `${sid} were removed` : `${sid} were ${requested ?? 'changed'}`)
  if (down.length > 0)
    parts.push(`${list(down)} lost power${confirmed ? ' and a person confirmed it' : ''}`)
  return parts.length > 0 ? parts.join(', and ') : 'nothing happened'
}

function list(names: string[]): string {
  return names.length < 2
    ? (names[0] ?? '')
    : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function verdict({ moves, nowhere, stays, settled, settledInMs, rounds }: WhatIfBody): string {
  const known = nowhere.filter((one) => one.anyway).length
  const lost = nowhere.length - known
  const parts = [
    `${moves.length} move, ${stays} stay`,
    lost > 0 ? paint('red', `${lost} would run nowhere`) : paint('green', 'none would be stranded'),
    ...(known > 0 ? [`${known} run nowhere as it is`] : []),
  ]
  const end = settled
    ? `It would be over in ${formatDuration(settledInMs)}, if every stop is quick.`
    : paint('yellow', `It did not come to rest in ${rounds} rounds.`)
  return `${parts.join(', ')}. ${end} Nothing was changed.`
}
