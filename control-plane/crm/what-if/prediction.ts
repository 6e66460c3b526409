// What a played future says about every service and node: where it goes, when, what fits nowhere and why, what stays.
// Pure; compares two views and reads the changes between them.
import { liveMoveMs } from '../../../shared/timing.ts'
import type { WhatIfBody } from '../../../shared/what-if.ts'
import { formatChange } from '../../cluster/change.ts'
import { compareText } from '../../cluster/grants.ts'
import { shownState } from '../../cluster/status.ts'
import type { ClusterView, NodeName, ServiceView, Sid } from '../../cluster/view.ts'
import type { Foreseen, Happening } from './foresee.ts'

/** The story is for reading: what there is more of can be seen in the lists. */
const mostLines = 2_000

/**
 * The answer to a what-if.
 * @param foreseen the future under the hypothesis
 * @param anyway the future without it: what it has too does not come from the hypothesis
 */
export function predict(foreseen: Foreseen, anyway: Foreseen): WhatIfBody {
  const { before, after, happenings } = foreseen
  const told = digest(happenings)
  const body: WhatIfBody = {
    settled: foreseen.settled,
    rounds: foreseen.rounds,
    settledInMs: Math.round((happenings.at(-1)?.atMs ?? before.nowMs) - before.nowMs),
    moves: [],
    nowhere: [],
    stops: [],
    stays: 0,
    nodes: nodesOf(foreseen),
    story: happenings.slice(0, mostLines).map(({ atMs, change }) => ({
      inMs: Math.round(atMs - before.nowMs),
      line: formatChange(change),
    })),
  }
  const sids = new Set([...Object.keys(before.services), ...Object.keys(after.services)])
  for (const sid of [...sids].sort(compareText)) predictService(body, foreseen, anyway, told, sid)
  return body
}

function predictService(
  body: WhatIfBody,
  foreseen: Foreseen,
  without: Foreseen,
  told: Digest,
  sid: Sid,
): void {
  const { before, after } = foreseen
  const then = after.services[sid]
  const from = placeIn(before, sid)
  const to = placeThen(foreseen, sid)
  const anyway = placeThen(without, sid) === to
  if (to !== null) {
    const order = told.starts.get(sid)
    if (to === from && order === undefined) {
      body.stays += 1
      return
    }
    const startsInMs = Math.round((order?.atMs ?? before.nowMs) - before.nowMs)
    const live = order?.live ?? false
    const stopMs = live ? liveMoveMs : told.stopped.has(sid) ? stopTimeoutMs(before, sid) : 0
    const times = { startsInMs, atMostMs: startsInMs + stopMs }
    body.moves.push({ sid, from, to, live, ...times, why: order?.why ?? '', anyway })
  } else if (then?.config?.requested === 'started')
    body.nowhere.push({
      sid,
      from,
      state: shownState(after, then),
      why: whyNowhere(after, then),
      anyway,
    })
  else if (from !== null) body.stops.push({ sid, from, why: told.reasons.get(sid) ?? '', anyway })
}

/** Where it runs or is about to in the end; null: nowhere, or nobody can say. */
function placeThen({ after, alive }: Foreseen, sid: Sid): NodeName | null {
  const node = placeIn(after, sid)
  return node !== null && alive.has(node) ? node : null
}

/** As the CRM has it: it is to run there, and the grant is that node's. */
function placeIn(view: ClusterView, sid: Sid): NodeName | null {
  const service = view.services[sid]
  const { status, grant } = service ?? {}
  if (!grant || !status || status.node === null) return null
  if (!view.nodes[status.node] || !isServed(view, status.node, grant.holders[0]?.epoch)) return null
  return status.state === 'stopped' || status.state === 'error' ? null : status.node
}

/** The node's lease is the one under which it holds the grant. */
function isServed(view: ClusterView, name: NodeName, epoch: number | undefined): boolean {
  const { lease } = view.nodes[name]!
  return lease.bootId !== null && lease.epoch === epoch && lease.judgedUntilMs > view.nowMs
}

type Digest = {
  /** The last order to start each service, or to let it move live. */
  starts: Map<Sid, { atMs: number; why: string; live: boolean }>
  /** Its agent had to end it first. */
  stopped: Set<Sid>
  /** Why it changed last. */
  reasons: Map<Sid, string>
}

function digest(happenings: readonly Happening[]): Digest {
  const told: Digest = { starts: new Map(), stopped: new Set(), reasons: new Map() }
  for (const { atMs, change } of happenings) {
    if (change.kind === 'grant.opened' || change.kind === 'grant.shared') {
      const live = change.kind === 'grant.shared'
      const why = live ? change.why : (told.reasons.get(change.sid) ?? change.why)
      told.starts.set(change.sid, { atMs, why, live })
    } else if (change.kind === 'evidence.recorded') {
      if (change.scope && change.evidence === 'agent-stopped') told.stopped.add(change.scope.sid)
    } else if ('sid' in change && change.kind !== 'command.status')
      told.reasons.set(change.sid, change.why)
  }
  return told
}

/** How long a stop may take: agents that obey stop at once, real services need not. */
function stopTimeoutMs({ services, settings }: ClusterView, sid: Sid): number {
  return services[sid]?.config?.stopTimeoutMs ?? settings.timing.stopTimeoutMs
}

function whyNowhere(after: ClusterView, { status }: ServiceView): string {
  if (status === null) return 'it is not managed yet'
  if (status.note !== '') return status.note
  const node = status.node === null ? undefined : after.nodes[status.node]
  return node?.note || `it is ${status.state}`
}

function nodesOf(foreseen: Foreseen): WhatIfBody['nodes'] {
  const { before, after } = foreseen
  const was = count(Object.keys(before.services), (sid) => placeIn(before, sid))
  const is = count(Object.keys(after.services), (sid) => placeThen(foreseen, sid))
  return Object.keys(after.nodes)
    .sort(compareText)
    .map((name) => ({
      node: name,
      stateNow: before.nodes[name]?.state ?? 'unknown',
      stateThen: after.nodes[name]!.state,
      servicesNow: was.get(name) ?? 0,
      servicesThen: is.get(name) ?? 0,
      note: after.nodes[name]!.note,
    }))
}

function count(sids: Sid[], placeOf: (sid: Sid) => NodeName | null): Map<NodeName, number> {
  const counts = new Map<NodeName, number>()
  for (const sid of sids) {
    const node = placeOf(sid)
    if (node !== null) counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  return counts
}
