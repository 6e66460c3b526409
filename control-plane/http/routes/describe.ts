// Asking a node for what somebody has made on it and is to become a service: an operator's request waits while the node's agent
// answers. Nothing is added by it, and the answer is not kept.
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { NodeAnswer, type NodeQuestion, questionPatienceMs } from '../../../shared/node-question.ts'
import { DescribeBody, DescribedBody } from '../../../shared/operator-api.ts'
import { assert } from '../../../shared/assert.ts'
import type { AdoptWish } from '../../intake/adopt-wish.ts'
import { judgeDescribed, refuseDescribe } from '../../intake/adopt-wish.ts'
import { knownNode } from '../../intake/node-wish.ts'
import { refuse } from '../../intake/refusal.ts'
import {
  answerQuestion,
  askNode,
  findQuestion,
  forgetQuestion,
  ringNode,
} from '../../store/node-questions.ts'
import { type Env, role } from '../auth.ts'
import type { HttpDeps } from '../deps.ts'
import { accepted, ProblemError, requireJson, throwInvalid } from '../errors.ts'
import type { EventFeed } from '../event-feed.ts'
import { authenticateNode, boundNode } from '../node-caller.ts'
import { body, json, newRoutes, Params, problems, writeProblems } from '../routing.ts'
import { write } from '../write.ts'

/** A doorbell that was lost is rung again. */
const ringAgainMs = 2_500
const lookEveryMs = 500

const ask = createRoute({
  method: 'post',
  path: '/nodes/{node}/describe',
  summary: 'Ask a node for what is to be taken over from it',
  description:
    'Of `vm:` services: a libvirt domain that somebody has defined there, running or not. Nothing is changed, neither here nor there. Add the service with `spec: {xml}`, `node` and `adoptedFrom` of the answer: what runs is adopted as it runs, and nothing is started anywhere before that node has answered. Answers within 10 seconds.',
  middleware: [role('operator')] as const,
  request: { params: Params.node, body: body(DescribeBody) },
  responses: {
    200: json(DescribedBody, 'as it is there'),
    ...writeProblems,
    504: { ...problems[422], description: 'the node did not answer' },
  },
})

export function describeRoutes(deps: HttpDeps, feed: EventFeed): OpenAPIHono<Env> {
  const routes = newRoutes()
  routes.openapi(ask, async (c) => {
    const { node } = c.req.valid('param')
    const { sid, domain = sid.slice(sid.indexOf(':') + 1) } = c.req.valid('json')
    if (c.req.query('dryRun') !== undefined)
      throw new ProblemError(422, 'invalid', 'dryRun: nothing is changed by this anyway')
    const uid = deps.random.uuid()
    const wish = { sid, node }
    const nodeUid = await put(deps, c, wish, { uid, kind: 'describe', sid, domain })
    try {
      const answer = await awaitAnswer(deps, feed, c, { uid, nodeUid, node })
      if (answer.kind === 'refused')
        accepted(refuse('cannot-be-adopted', `node ${node}: ${answer.why}`))
      assert(answer.kind === 'described', 'a refusal was thrown')
      const view = await deps.store.rows.loadView(c.var.cluster.id)
      assert(view, 'clusters are never deleted')
      const { warnings } = accepted(judgeDescribed(view, wish, answer))
      const { kind: _, ...described } = answer
      return c.json({ ...wish, ...described, warnings }, 200)
    } finally {
      await forgetQuestion(deps.sql, uid)
    }
  })
  return routes
}

/** Judges the wish and writes the question down; gives back whom it is put to. */
async function put(
  deps: HttpDeps,
  c: Context<Env>,
  wish: AdoptWish,
  question: NodeQuestion,
): Promise<string> {
  const detail = { ...wish, domain: question.domain }
  const done = await write(deps, c, { status: 200, detail }, async ({ tx, view, clusterId }) => {
    accepted(refuseDescribe(view, wish))
    const { uid: nodeUid } = accepted(knownNode(view, wish.node))
    if (await askNode(tx.sql, { clusterId, nodeUid, question })) return nodeUid
    throw new ProblemError(503, 'busy', `node ${wish.node} is being asked already: try again`, {
      headers: { 'retry-after': '2' },
    })
  })
  assert(typeof done === 'string', 'no dry run')
  return done
}

type Asked = { uid: string; nodeUid: string; node: string }

async function awaitAnswer(
  deps: HttpDeps,
  feed: EventFeed,
  c: Context<Env>,
  { uid, nodeUid, node }: Asked,
): Promise<NodeAnswer> {
  const beganMs = deps.clock.bootMs()
  const { signal } = c.req.raw
  let rungMs = beganMs
  for (;;) {
    const found = await findQuestion(deps.sql, uid)
    if (found?.answer) return found.answer
    const nowMs = deps.clock.bootMs()
    if (nowMs - beganMs >= questionPatienceMs || signal.aborted)
      throw unanswered(node, found?.isTold)
    if (nowMs - rungMs >= ringAgainMs) {
      await ringNode(deps.sql, nodeUid)
      rungMs = nowMs
    }
    await feed.next(c.var.cluster.id, lookEveryMs, signal)
  }
}

function unanswered(node: string, isTold = false): ProblemError {
  const seconds = questionPatienceMs / 1000
  const why = isTold
    ? 'it was asked: its agent is of a version that cannot describe anything (upgrade it), or libvirt does not answer it'
    : 'its agent has not asked for anything meanwhile: try again, and look whether it runs'
  const detail = `node ${node} did not answer within ${seconds} s; ${why}. Nothing was changed`
  return new ProblemError(504, 'no-answer', detail)
}

/** The node's end; mounted beside the agents' routes. */
export function answerRoutes(deps: HttpDeps): Hono<Env> {
  const app = new Hono<Env>()
  app.use('/questions/*', authenticateNode(deps), boundNode(deps), requireJson)
  app.post('/questions/:uid', async (c) => {
    const uid = parsed(z.uuid(), c.req.param('uid'))
    const answer = parsed(NodeAnswer, await c.req.json().catch(() => null))
    // One that comes late changes nothing, and is no mistake of the agent's.
    await answerQuestion(deps.sql, { nodeUid: c.var.actor.tokenId, uid, answer })
    return c.json({})
  })
  return app
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value)
  throwInvalid(result as never)
  return result.data as z.infer<T>
}
