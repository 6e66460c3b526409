// The agents' side: join, epoch, lease, desired. A node speaks for itself and in its own cluster only. Nothing here
// decides: requests become rows or renewals, and the CRM's answers are read back.
import { Hono, type Context } from 'hono'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { Clock } from '../../../shared/clock.ts'
import type { NodeHealth } from '../../../shared/node-health.ts'
import {
  DesiredQuery,
  EpochRequest,
  JoinRequest,
  type LeaseAnswer,
  LeaseRequest,
  managedHeader,
  noManaged,
} from '../../../shared/protocol.ts'
import { questionHeader } from '../../../shared/node-question.ts'
import type { DesiredPolls } from '../../lease/desired-polls.ts'
import type { Renewals } from '../../lease/renewals.ts'
import type { UsageReports } from '../../lease/usage-reports.ts'
import type { Refusal } from '../../lease/why-not.ts'
import type { AgentStore } from '../../store/agent-store.ts'
import type { KnownNode } from '../../store/nodes.ts'
import { Malformed, TooLarge, parse, parsed } from '../agent-body.ts'
import { type Breathe, managedReader } from '../managed-services.ts'

export type AgentRouteDeps = {
  store: AgentStore
  clock: Clock
  log: Logger
  renewals: Renewals
  polls: DesiredPolls
  /** Takes in what nodes say they use; absent: nobody keeps it. */
  usage?: Pick<UsageReports, 'note'>
  /** And what they tell of their machines. */
  health?: { note(node: KnownNode, health: NodeHealth): void }
  ring(clusterId: number): void
  breathe?: Breathe
}

const knownForMs = 10_000

export function agentRoutes(deps: AgentRouteDeps): Hono {
  const app = new Hono()
  const who = credentials(deps)
  app.post('/join', async (c) => joinRoute(deps, c))
  app.post('/epoch', async (c) => {
    const request = await parse(c, EpochRequest)
    const node = await who(c, request)
    if (node instanceof Response) return node
    await deps.store.requestEpoch(node.clusterId, request)
    deps.ring(node.clusterId)
    // Most requests are settled by the round they ring for: wait a moment rather than have the agent ask again.
    await deps.polls.park(node.nodeUid, 100, c.req.raw.signal)
    return c.json(await deps.store.epochStanding(request, node.timing))
  })
  app.post('/lease', async (c) => {
    const request = await parse(c, LeaseRequest)
    const node = await who(c, request)
    if (node instanceof Response) return node
    return await leaseRoute(deps, c, node, request)
  })
  app.get('/desired', async (c) => {
    const query = parsed(DesiredQuery, c.req.query())
    const node = await who(c, null)
    if (node instanceof Response) return node
    return await desiredRoute(deps, c, node, query)
  })
  const managed = managedReader(deps.store, deps.breathe)
  app.get('/managed', async (c) => {
    const node = await who(c, null)
    if (node instanceof Response) return node
    return c.json(await managed(node))
  })
  app.onError((error, c) => {
    if (error instanceof TooLarge) return problem(c, 413, 'body-too-large', error.message)
    if (error instanceof Malformed) return problem(c, 400, 'invalid', error.message)
    deps.log.warn({ err: error, path: c.req.path }, 'agent request failed')
    return problem(c, 503, 'busy', 'the plane cannot answer now')
  })
  app.notFound((c) => problem(c, 404, 'not-found', 'no such address'))
  return app
}

async function joinRoute(deps: AgentRouteDeps, c: Context): Promise<Response> {
  const request = await parse(c, JoinRequest)
  const joined = await deps.store.join(request)
  switch (joined) {
    case 'bad-token':
      return problem(c, 401, 'bad-join-token', 'the join token is unknown, used up or expired')
    case 'wrong-name':
      return problem(c, 403, 'wrong-node', `the join token is not for a node named ${request.node}`)
    case 'name-taken':
      return problem(
        c,
        409,
        'already-exists',
        `there is a node ${request.node}; remove it first, or join under another name`,
      )
    case 'open-grants':
      return problem(
        c,
        409,
        'open-grants',
        `node ${request.node} may still run services; they must be settled before its name is used again`,
      )
  }
  const { node, credential } = joined
  deps.log.info({ node: node.name, cluster: node.clusterName }, 'node joined')
  deps.ring(node.clusterId)
  return c.json({
    nodeUid: node.nodeUid,
    credential,
    cluster: node.clusterName,
    clusterUuid: node.clusterUuid,
    timing: node.timing,
  })
}

async function leaseRoute(
  deps: AgentRouteDeps,
  c: Context,
  node: KnownNode,
  request: LeaseRequest,
): Promise<Response> {
  const base = {
    epoch: request.epoch,
    seq: request.seq,
    planeEpoch: request.planeEpoch,
    serverTimeMs: deps.clock.wallMs(),
  }
  if (request.release) {
    const answer = await deps.renewals.release(node.clusterId, request, node.timing)
    if (!answer.granted) return refuse(c, answer.refusal)
    deps.ring(node.clusterId)
    const { leaseMs, revision, unguarded } = answer
    return c.json({
      ...base,
      leaseMs,
      revision,
      confirmed: [],
      released: true,
      unguarded,
    } satisfies LeaseAnswer)
  }
  if (request.usage) deps.usage?.note(node.clusterId, request.nodeUid, request.usage)
  if (request.health) deps.health?.note(node, request.health)
  const answer = await deps.renewals.renew({ clusterId: node.clusterId, request })
  if (!answer.granted) return refuse(c, answer.refusal)
  const { leaseMs, revision, confirmed, unguarded } = answer.row
  return c.json({
    ...base,
    leaseMs,
    revision,
    confirmed,
    released: false,
    unguarded,
  } satisfies LeaseAnswer)
}

async function desiredRoute(
  deps: AgentRouteDeps,
  c: Context,
  node: KnownNode,
  query: z.infer<typeof DesiredQuery>,
): Promise<Response> {
  const endMs = deps.clock.bootMs() + query.waitMs
  const gone = c.req.raw.signal
  for (;;) {
    const remainingMs = endMs - deps.clock.bootMs()
    const leave = new AbortController()
    // With a reason: without one an error is made, stack and all, for nobody.
    const onGone = () => leave.abort('gone')
    gone.addEventListener('abort', onGone, { once: true })
    try {
      // Parked before reading: a wake-up in between is not lost.
      const parked = deps.polls.park(node.nodeUid, Math.max(1, remainingMs), leave.signal)
      const stored = await deps.store.readDesired(node.nodeUid, query)
      if (stored) c.header(managedHeader, stored.managed || noManaged)
      const question = stored?.isAsked ? await deps.store.tellQuestion?.(node.nodeUid) : null
      if (question) c.header(questionHeader, JSON.stringify(question))
      if (stored?.document) {
        const { revision, planeEpoch, document } = stored
        return c.json({ ...document, revision, planeEpoch })
      }
      if (question || remainingMs <= 0 || deps.polls.isFull) return c.body(null, 204)
      if ((await parked) === 'over') return c.body(null, 204)
    } finally {
      gone.removeEventListener('abort', onGone)
      leave.abort('answered')
    }
  }
}

const statuses: Record<Refusal['code'], 409 | 503> = {
  fenced: 409,
  stale: 409,
  'release-refused': 409,
  'plane-epoch': 503,
  'not-quorate': 503,
  regressed: 503,
  busy: 503,
}

const sentences: Record<Refusal['code'], string> = {
  fenced: 'this lease epoch is over: stop everything, then ask for a new one',
  stale: 'a newer request of this epoch was already answered',
  'release-refused': 'services run here that are not frozen',
  'plane-epoch': 'the history of the database changed: renew under the plane epoch given here',
  'not-quorate': 'the cluster is not quorate: nothing is granted',
  regressed: 'the database remembers less than this node: nothing is granted until that is settled',
  busy: 'nothing was committed: try again',
}

function refuse(c: Context, refusal: Refusal): Response {
  const { code, epoch, planeEpoch } = refusal
  return problem(c, statuses[code], code, sentences[code], {
    ...(epoch !== undefined && { epoch }),
    ...(planeEpoch && { planeEpoch }),
  })
}

function problem(c: Context, status: number, code: string, detail: string, more: object = {}) {
  const body = { type: `urn:holdfast:problem:${code}`, title: code, status, code, detail, ...more }
  return c.body(JSON.stringify(body), status as 400, { 'content-type': 'application/problem+json' })
}

type Speaker = { clusterUuid: string; nodeUid: string }

/** Finds the node behind a credential, and refuses one that speaks for another node or cluster. */
function credentials(deps: AgentRouteDeps) {
  const known = new Map<string, { node: KnownNode; untilMs: number }>()
  return async (c: Context, speaker: Speaker | null): Promise<KnownNode | Response> => {
    const [scheme, credential] = (c.req.header('authorization') ?? '').split(' ')
    if (scheme !== 'Bearer' || !credential)
      return problem(c, 401, 'unauthenticated', 'send the node’s credential as a bearer token')
    // Nothing is judged by it, and it is asked at every request: the clock that reads no file.
    const nowMs = deps.clock.quickMs()
    let entry = known.get(credential)
    if (!entry || entry.untilMs < nowMs) {
      const node = await deps.store.findNode(credential)
      if (!node) return problem(c, 401, 'unauthenticated', 'this credential is not known')
      entry = { node, untilMs: nowMs + knownForMs }
      if (known.size > 20_000) known.clear()
      known.set(credential, entry)
    }
    const { node } = entry
    if (speaker && speaker.clusterUuid !== node.clusterUuid)
      return problem(
        c,
        403,
        'wrong-cluster',
        'this credential belongs to a node of another cluster',
      )
    if (speaker && speaker.nodeUid !== node.nodeUid)
      return problem(c, 403, 'wrong-node', 'this credential belongs to another node')
    return node
  }
}
