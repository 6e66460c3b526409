// An operator of a world: each wish is a request to the API of a plane, as the command line tool sends it, and what comes
// back is an answer: accepted, or the code of the problem. Where no answer comes, nobody knows.
import type { z } from 'zod'
import type { Rule } from '../../shared/rule.ts'
import type { ServiceCreate, ServiceUpdate, SettingsUpdate } from '../../shared/operator-api.ts'
import type { ClusterView, CommandKind, GroupView, Sid } from '../../control-plane/cluster/view.ts'
import { withDomain } from './domain.ts'
import type { Person } from './operator-api.ts'

/** Both may be said of a request that nobody answered. */
export type Answer =
  | { accepted: true; uid?: string }
  | { accepted: false; refusal: string; status?: number }

export type OperatorRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** After /api/v1/clusters/{cluster}. */
  path: string
  /** A text is sent as it is. */
  body?: unknown
  headers?: Record<string, string>
}

export type OperatorReply = { status: number; body: unknown; etag: string | null }

/** Sends one request under the token of a person, or of nobody; null: no answer came. */
export type Ask = (by: Person | null, request: OperatorRequest) => Promise<OperatorReply | null>

export class Operator {
  /** The cluster as it is now. */
  readonly view: () => ClusterView
  readonly ask: Ask
  /** What each wish is sent as: what it would do is asked only, or what was seen before is named. */
  how: (request: OperatorRequest) => Promise<[Person, OperatorRequest]> = async (one) => [
    'admin',
    one,
  ]

  constructor(view: () => ClusterView, ask: Ask) {
    this.view = view
    this.ask = ask
  }

  /** @param node where it is already, as far as the operator knows */
  add(wish: z.input<typeof ServiceCreate>, node: string | null = null): Promise<Answer> {
    const spec = withDomain(wish.sid, wish.spec)
    return this.wish('POST', '/services', { ...wish, spec, node: wish.node ?? node })
  }

  update(sid: Sid, wish: z.input<typeof ServiceUpdate>): Promise<Answer> {
    return this.wish('PATCH', `/services/${sid}`, wish)
  }

  /** enable, disable, start, stop, restart, migrate, relocate or remove: a command that the CRM finishes. */
  command(
    kind: CommandKind,
    sid: Sid,
    node: string | null = null,
    timeoutMs: number | null = null,
  ): Promise<Answer> {
    if (kind === 'remove') return this.wish('DELETE', `/services/${sid}`)
    const isMove = kind === 'migrate' || kind === 'relocate'
    const body = isMove ? { node } : timeoutMs === null ? undefined : { timeoutMs }
    return this.wish('POST', `/services/${sid}/${kind}`, body)
  }

  maintenance(node: string, enabled: boolean): Promise<Answer> {
    return this.wish('POST', `/nodes/${node}/maintenance`, { enabled })
  }

  drill(node: string): Promise<Answer> {
    return this.wish('POST', `/nodes/${node}/drill`)
  }

  disarm(mode: 'freeze' | 'ignore'): Promise<Answer> {
    return this.wish('POST', '/disarm', { mode })
  }

  arm(): Promise<Answer> {
    return this.wish('POST', '/arm')
  }

  removeNode(node: string): Promise<Answer> {
    return this.wish('DELETE', `/nodes/${node}`)
  }

  /** Vouches for the death of a node, as a person who has seen it. */
  confirmDead(node: string, force = false): Promise<Answer> {
    return this.wish('POST', `/nodes/${node}/fence-confirm`, { typedName: node, force })
  }

  /** Adds it, or changes the one of that name. */
  group({ name, ...group }: GroupView): Promise<Answer> {
    if (this.view().groups[name]) return this.wish('PATCH', `/groups/${name}`, group)
    return this.wish('POST', '/groups', { name, ...group })
  }

  removeGroup(name: string): Promise<Answer> {
    return this.wish('DELETE', `/groups/${name}`)
  }

  rule(rule: Rule): Promise<Answer> {
    return this.wish('POST', '/rules', rule)
  }

  removeRule(id: string): Promise<Answer> {
    return this.wish('DELETE', `/rules/${id}`)
  }

  settings(wish: z.infer<typeof SettingsUpdate>): Promise<Answer> {
    return this.wish('PATCH', '/settings', wish)
  }

  private async wish(
    method: OperatorRequest['method'],
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    const [person, request] = await this.how({ method, path, ...(body !== undefined && { body }) })
    return answerOf(await this.ask(person, request))
  }
}

export function answerOf(reply: OperatorReply | null): Answer {
  if (reply === null) return { accepted: false, refusal: 'no answer' }
  const { status, body } = reply
  const { code, uid, dryRun } = (body ?? {}) as { code?: string; uid?: string; dryRun?: true }
  if (status >= 400) return { accepted: false, refusal: code ?? String(status), status }
  if (dryRun) return { accepted: false, refusal: 'would be accepted' }
  return { accepted: true, ...(uid !== undefined && { uid }) }
}
