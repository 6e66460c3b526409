// How late an agent's decisions come, and with them its feeds, on a busy node: a real agent with a service under its
// watchdog, its own count of how late it was, under loads of our own; as an ordinary process, and real-time as it is on a
// node where root runs it. The count has classes: a p50 or p99 is the upper bound of its class, a max is exact.
import { setTimeout as pause } from 'node:timers/promises'
import { raisePriority } from '../../../agent/priority.ts'
import { createJoinToken, createToken } from '../../../control-plane/store/bootstrap.ts'
import { type Stalls, stallBoundsMs } from '../../../shared/node-health.ts'
import { profiles } from '../../../shared/timing.ts'
import { NodeProcess } from '../../e2e/node-process.ts'
import { Operator } from '../../e2e/operator.ts'
import { Bed } from '../bed/bed.ts'
import { press, type Pressure, pressures } from '../bed/pressure.ts'
import type { Bench } from '../main.ts'
import type { Measured } from '../figure.ts'

/** An agent tells once a minute; what is too little for a minute is told by its second word. */
const tellsMs = 62_000

export const feedPressureBench: Bench = async (server, quick) => {
  const bed = await Bed.make(server, 'feed_pressure')
  try {
    // Patient, so that a late plane ends nothing: what is measured is the agent.
    const timing = { ...profiles.edge, watchdogMs: 4_000, renewMs: 1_000, silentMs: 10_000 }
    const { id, name } = await bed.cluster('pressure', timing)
    const { secret } = await createToken(bed.sql, { name: 'b', role: 'admin', clusterId: null })
    const replica = await bed.replica('replica')
    const operator = new Operator(() => [replica], secret, name)
    const measured: Measured[] = []
    for (const pressure of Object.keys(pressures) as Pressure[])
      for (const isRealTime of quick ? [true] : [false, true]) {
        const node = `${pressure}-${isRealTime ? 'rt' : 'ordinary'}`
        const token = { clusterId: id, uses: 1, ttlSeconds: 600, createdBy: 'bench', node }
        const joinToken = (await createJoinToken(bed.sql, token)).secret
        const where = { site: bed.dir, dir: bed.dir, urls: [replica.url], rebootMs: 1_000 }
        const started = bed.keep(new NodeProcess({ ...where, name: node, joinToken }))
        const how = { pressure, isRealTime, node, dir: bed.dir }
        measured.push(await measure(operator, started, how))
        await started.destroy()
      }
    return measured
  } finally {
    await bed.end()
  }
}

type How = { pressure: Pressure; isRealTime: boolean; node: string; dir: string }

async function measure(
  operator: Operator,
  started: NodeProcess,
  { pressure, isRealTime, node, dir }: How,
): Promise<Measured> {
  const sid = `process:${node}`
  const spec = { command: ['/bin/sleep', '3600'] }
  await operator.until(
    `${node} to be online`,
    ({ nodes }) => nodes.some((one) => one.name === node && one.state === 'online' && one.stalls),
    60_000,
  )
  await operator.post('/groups', { name: `only-${node}`, nodes: { [node]: 1 }, restricted: true })
  await operator.post('/services', { sid, spec, group: `only-${node}` })
  await operator.until(
    `${node} to be armed`,
    ({ nodes, services }) =>
      nodes.some((one) => one.name === node && one.watchdog.armed) &&
      services.some((one) => one.sid === sid && one.running),
    60_000,
  )
  const { agentPid, watchdogResets } = await started.machine()
  const whyNot = isRealTime && agentPid !== null ? await raisePriority(agentPid) : null
  const before = await told(operator, node)
  const release = press(pressure, dir)
  try {
    await pause(tellsMs)
  } finally {
    await release()
  }
  const after = await operator.until(
    `${node} to tell`,
    ({ nodes }) => {
      const stalls = nodes.find((one) => one.name === node)?.stalls
      return stalls && sum(stalls) > sum(before) && stalls
    },
    tellsMs,
  )
  const resets = (await started.machine()).watchdogResets - watchdogResets
  const what = `${pressure}, ${isRealTime ? 'real-time' : 'ordinary'}: a decision later than due`
  const notes = [
    pressures[pressure],
    `${resets} resets`,
    ...(whyNot ? [`not real-time: ${whyNot}`] : []),
  ]
  return { what, unit: 'ms', samples: samplesOf(before, after), note: notes.join('; ') }
}

async function told(operator: Operator, name: string): Promise<Stalls> {
  const { stalls } = await operator.node(name)
  if (!stalls) throw new Error(`${name} tells nothing of its stalls`)
  return stalls
}

const sum = ({ counts }: Stalls) => counts.reduce((all, count) => all + count, 0)

/** Each decision as the upper bound of its class; the worst as it was, unless that was before. */
function samplesOf(before: Stalls, after: Stalls): number[] {
  const worstMs = after.worstMs > before.worstMs ? [after.worstMs] : []
  const mostMs = worstMs[0] ?? Infinity
  const samples = after.counts.flatMap((count, i) => {
    const isNew = Math.max(0, count - (before.counts[i] ?? 0))
    const bound = Math.min(stallBoundsMs[i] ?? after.worstMs, mostMs)
    return Array.from({ length: isNew }, () => bound)
  })
  return [...samples, ...worstMs]
}
