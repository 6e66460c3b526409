// How long the CRM thinks: `decide` on views of two sizes, in a steady state and when one node was just lost, counting
// services and without rules. All else: `npm run bench:decide`.
import { decide } from '../../../control-plane/crm/decide/decide.ts'
import { type DecideCase, viewOf } from '../bed/decide-views.ts'
import { atMost, type Measured } from '../figure.ts'
import type { Bench } from '../main.ts'

const sizes = [
  { nodes: 50, services: 5_000, steady: 10, 'one node lost': 30 },
  { nodes: 100, services: 10_000, steady: 20, 'one node lost': 60 },
]

export const decideBench: Bench = async (_server, quick) => {
  const runs = quick ? 15 : 60
  return sizes.flatMap(({ nodes, services, ...limits }) =>
    (['steady', 'one node lost'] as const).map((round) =>
      timed({ nodes, services, mode: 'basic', rules: false, round }, runs, limits[round]),
    ),
  )
}

function timed(one: DecideCase, runs: number, limitMs: number): Measured {
  const view = viewOf(one)
  let changes = 0
  const samples = Array.from({ length: runs + 10 }, () => {
    const startedMs = performance.now()
    changes = decide(view).changes.length
    return performance.now() - startedMs
  })
  return {
    what: `${one.nodes} nodes, ${one.services} services: ${one.round}`,
    unit: 'ms',
    samples: samples.slice(10),
    targets: [atMost('p50', limitMs)],
    note: `${changes} changes decided`,
  }
}
