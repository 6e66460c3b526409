// How long the CRM thinks: `decide` on views of two sizes, in a steady state and when one node was just lost.
// In process, after a warm-up, as in a replica that has been running for a while.
import type { ClusterView } from '../../../control-plane/cluster/view.ts'
import { decide } from '../../../control-plane/crm/decide/decide.ts'
import { aNode, aService, buildView, silentNode } from '../../decide/build-view.ts'
import type { Bench } from '../main.ts'
import { atMost, type Measured } from '../figure.ts'

const sizes = [
  { nodes: 50, services: 5_000, steadyMs: 10, lostMs: 30 },
  { nodes: 100, services: 10_000, steadyMs: 20, lostMs: 60 },
]

export const decideBench: Bench = async (_server, quick) => {
  const runs = quick ? 15 : 60
  return sizes.flatMap(({ nodes, services, steadyMs, lostMs }) => [
    timed(
      `${nodes} nodes, ${services} services: steady`,
      view(nodes, services, false),
      runs,
      steadyMs,
    ),
    timed(
      `${nodes} nodes, ${services} services: one lost`,
      view(nodes, services, true),
      runs,
      lostMs,
    ),
  ])
}

function timed(what: string, input: ClusterView, runs: number, limitMs: number): Measured {
  let changes = 0
  const samples = Array.from({ length: runs + 10 }, () => {
    const startedMs = performance.now()
    changes = decide(input).changes.length
    return performance.now() - startedMs
  })
  return {
    what,
    unit: 'ms',
    samples: samples.slice(10),
    targets: [atMost('p50', limitMs)],
    note: `${changes} changes decided`,
  }
}

function view(nodeCount: number, serviceCount: number, isOneLost: boolean): ClusterView {
  const names = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`)
  const nodes = names.map((name) => (isOneLost && name === 'n1' ? silentNode(name) : aNode(name)))
  const services = Array.from({ length: serviceCount }, (_, index) =>
    aService(`process:s${index}`, names[index % nodeCount] as string),
  )
  for (const node of nodes)
    if (node.report)
      node.report.running = services.flatMap(({ sid, status, grant }, index) =>
        status?.node === node.name && grant
          ? // buildView numbers the grants one after the other.
            [{ sid, generation: index + 1, state: 'running' as const, stable: true }]
          : [],
      )
  return buildView({ nodes, services, nextGeneration: serviceCount + 1 })
}
