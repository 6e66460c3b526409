// `npm run bench:decide`: how long the CRM thinks, over sizes, scheduling modes, rules and what has happened since the
// round before. In process, after a warm-up, as in a replica that has been running for a while: it carries its census of
// the services from round to round, and bringing that up to date is measured with the decision. No database.
import { type Census, censusAfter, takeCensus } from '../../control-plane/cluster/census.ts'
import { type KnownRules, rulesAfter } from '../../control-plane/cluster/rules/known-rules.ts'
import {
  takeUnderRules,
  type UnderRules,
  underRulesAfter,
} from '../../control-plane/cluster/rules/under-rules.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { commandLine } from '../command-line.ts'
import { type DecideCase, modes, roundOf, rounds } from './bed/decide-views.ts'
import { median } from './figure.ts'

const sizes = [
  [3, 10],
  [10, 100],
  [20, 1_000],
  [50, 5_000],
  [100, 10_000],
  [500, 50_000],
] as const

/** What the design promises (design 12), in milliseconds. */
const targets: Record<string, Partial<Record<DecideCase['round'], number>>> = {
  '5000': { 'nothing new': 10, steady: 10, 'one node lost': 30 },
  '10000': { 'nothing new': 20, steady: 20, 'one node lost': 60 },
}

type Before = { census: Census; rules: KnownRules; underRules: UnderRules }

export type DecideFigure = DecideCase & { medianMs: number; changes: number }

const cases = sizes.flatMap(([nodes, services]) =>
  modes.flatMap((mode) =>
    [false, true].flatMap((rules) =>
      rounds.map((round): DecideCase => ({ nodes, services, mode, rules, round })),
    ),
  ),
)

/** Measures one case: for about so long, and at least so many times. */
function measure(
  one: DecideCase,
  budgetMs: number,
  leastRuns: number,
  isAnew: boolean,
): DecideFigure {
  const { view, before, touched } = roundOf(one)
  const rules = rulesAfter(null, before)
  const under = takeUnderRules(before.services, rules.compiled)
  const known = { census: takeCensus(before), rules, underRules: under }
  const samples: number[] = []
  let changes = 0
  const endMs = performance.now() + budgetMs
  const warmUp = 5
  while (samples.length < warmUp + leastRuns || performance.now() < endMs) {
    const startedMs = performance.now()
    changes = (isAnew ? decide(view) : decideAfter(known, view, touched)).changes.length
    samples.push(performance.now() - startedMs)
  }
  return { ...one, medianMs: median(samples.slice(warmUp)), changes }
}

/** As a replica does round after round: brings what it knows of the round before up to date, and decides. */
function decideAfter(before: Before, view: ClusterView, touched: readonly string[]) {
  const rules = rulesAfter(before.rules, view)
  const read = { ...view, rules: rules.rules }
  const census = censusAfter(before.census, read, touched)
  const underRules = underRulesAfter(before.underRules, read, rules.compiled, touched)
  return decide(read, { census, rules, underRules })
}

function line({ nodes, services, mode, rules, round }: DecideCase): string {
  return `${nodes} nodes, ${services} services, ${mode}, ${rules ? 'rules' : 'no rules'}: ${round}`
}

function verdict({ services, round, medianMs }: DecideFigure): string {
  const limit = targets[services]?.[round]
  return limit === undefined ? '' : `  at most ${limit}: ${medianMs <= limit ? 'met' : 'missed'}`
}

const usage = `Usage: npm run bench:decide -- [options]

  --only TEXT     cases whose line contains it
  --quick         fewer runs, for a first look
  --anew          as in a replica's first round: nothing is known of the one before
  --json          one object: {cases: [{nodes, services, mode, rules, round, medianMs}]}`

function main() {
  const { values } = commandLine(usage, {
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      anew: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  })
  const chosen = cases.filter((one) => line(one).includes(values.only))
  const figures = chosen.map((one) => {
    const figure = measure(one, values.quick ? 100 : 600, values.quick ? 5 : 15, values.anew)
    if (!values.json)
      console.log(
        `${line(one).padEnd(66)} ${figure.medianMs.toFixed(2).padStart(8)} ms${verdict(figure)}`,
      )
    return figure
  })
  if (!values.json) return
  const rounded = (ms: number) => Math.round(ms * 1000) / 1000
  const told = figures.map(({ nodes, services, mode, rules, round, medianMs }) => ({
    ...{ nodes, services, mode, rules, round },
    medianMs: rounded(medianMs),
  }))
  console.log(JSON.stringify({ cases: told }))
}

main()
