// Who says that it runs a service, carried from report to report, is what the reports say: a copy that is overlooked could
// be started a second time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reports } from '../../control-plane/cluster/reports.ts'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { aNode } from './build-view.ts'

const names = ['n1', 'n2', 'n3']
const sids = Array.from({ length: 9 }, (_, index) => `process:s${index}`)
type Nodes = ClusterView['nodes']

const aStep = fc.record({
  node: fc.constantFrom(...names),
  runs: fc.array(fc.constantFrom(...sids), { maxLength: 12 }),
  what: fc.constantFrom('reports', 'reports', 'reports', 'is silent', 'leaves'),
  isAsked: fc.boolean(),
})

/** Looked up in every report. */
function whoRuns(nodes: Nodes, sid: string): string[] {
  return Object.values(nodes)
    .filter(({ report }) => report?.running.some((one) => one.sid === sid))
    .map(({ name }) => name)
    .sort()
}

function after(nodes: Nodes, { node, runs, what }: { node: string; runs: string[]; what: string }) {
  const { [node]: known = aNode(node), ...others } = nodes
  if (what === 'leaves') return others
  const running = runs.map((sid) => ({
    sid,
    generation: 1,
    state: 'running' as const,
    stable: true,
  }))
  const report = what === 'reports' ? { ...aNode(node).report!, running } : null
  return { ...others, [node]: { ...known, report } }
}

test('whoever says that it runs a service is found, and nobody else, whatever is reported after what', () => {
  let found = 0
  fc.assert(
    fc.property(fc.array(aStep, { minLength: 2, maxLength: 30 }), (steps) => {
      let nodes: Nodes = Object.fromEntries(names.map((name) => [name, aNode(name)]))
      let reports = Reports.take(nodes)
      for (const step of steps) {
        const before = { nodes, reports }
        nodes = after(nodes, step)
        reports = reports.after(nodes)
        // Asked in some rounds only: then it has several reports to catch up with.
        if (!step.isAsked) continue
        for (const sid of sids) {
          expect(reports.running.at(sid)).toEqual(whoRuns(nodes, sid))
          expect(before.reports.running.at(sid)).toEqual(whoRuns(before.nodes, sid))
          found += reports.running.at(sid).length
        }
      }
    }),
    { numRuns: 500 },
  )
  expect(found).toBeGreaterThan(1_000)
})

test('what most nodes have reported anew is looked up in their reports, and no less right for that', () => {
  const all = Array.from({ length: 600 }, (_, index) => `process:x${index}`)
  let nodes: Nodes = Object.fromEntries(names.map((name) => [name, aNode(name)]))
  let reports = Reports.take(nodes)
  for (let step = 0; step < 12; step++) {
    const runs = all.filter((_, index) => index % 4 === step % 4)
    nodes = after(nodes, { node: names[step % 3]!, runs, what: 'reports' })
    reports = reports.after(nodes)
    for (const sid of all.slice(0, 8)) expect(reports.running.at(sid)).toEqual(whoRuns(nodes, sid))
  }
})

test('no report is believed to be another one', () => {
  const nodes: Nodes = { n1: aNode('n1'), n2: aNode('n2') }
  const reports = Reports.take(nodes)
  expect(reports.areOf({ ...nodes })).toBe(true)
  expect(reports.areOf({ ...nodes, n2: { ...nodes.n2!, report: { ...nodes.n2!.report! } } })).toBe(
    false,
  )
  expect(reports.areOf({ n1: nodes.n1! })).toBe(false)
  expect(reports.areOf({ n2: nodes.n2!, n1: nodes.n1! })).toBe(false)
})
