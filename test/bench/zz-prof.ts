import { Session } from 'node:inspector/promises'
import { censusAfter, takeCensus } from '../../control-plane/cluster/census.ts'
import { rulesAfter } from '../../control-plane/cluster/rules/known-rules.ts'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { roundOf } from './bed/decide-views.ts'
const [nodes, services, mode, rules, round] = process.argv.slice(2) as any
const { view, before, touched } = roundOf({
  nodes: +nodes,
  services: +services,
  mode,
  rules: rules === 'rules',
  round,
})
const known = { census: takeCensus(before), rules: rulesAfter(null, before) }
const t: number[][] = [[], [], []]
const s = new Session()
s.connect()
await s.post('Profiler.enable')
await s.post('Profiler.setSamplingInterval', { interval: 100 })
await s.post('Profiler.start')
const end = performance.now() + 4000
while (performance.now() < end) {
  const a = performance.now()
  const read = { ...view, rules: rulesAfter(known.rules, view).rules }
  const b = performance.now()
  const census = censusAfter(known.census, read, touched)
  const c = performance.now()
  decide(read, { census, rules: known.rules })
  const d = performance.now()
  t[0]!.push(b - a)
  t[1]!.push(c - b)
  t[2]!.push(d - c)
}
const { profile: p } = (await s.post('Profiler.stop')) as any
const med = (x: number[]) => x.sort((a, b) => a - b)[x.length >> 1]!
console.log(
  process.argv.slice(2).join(' '),
  'rulesAfter',
  med(t[0]!).toFixed(2),
  'census',
  med(t[1]!).toFixed(2),
  'decide',
  med(t[2]!).toFixed(2),
  'p10',
  t[2]![(t[2]!.length / 10) | 0]!.toFixed(2),
)
const self: any = {},
  byId = new Map<any, any>(p.nodes.map((n: any) => [n.id, n]))
p.samples.forEach((id: any, i: number) => {
  const n = byId.get(id)
  const k =
    n.callFrame.functionName +
    ' ' +
    n.callFrame.url.split('/').slice(-2).join('/') +
    ':' +
    n.callFrame.lineNumber
  self[k] = (self[k] || 0) + p.timeDeltas[i]
})
const tot: any = Object.values(self).reduce((a: any, b: any) => a + b, 0)
if (!process.env.NOPROF)
  console.log(
    Object.entries(self)
      .sort((a: any, b: any) => b[1] - a[1])
      .slice(0, 14)
      .map(([k, v]: any) => ((v / tot) * 100).toFixed(1) + '% ' + k)
      .join('\n'),
  )
