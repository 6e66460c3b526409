// What people ask by mistake: ill-formed, under a token that does not reach so far, or on the strength of what is no longer
// so. Each must be told what is wrong, and must change nothing.
import { newService } from './random-wishes.ts'
import type { OperatorReply, OperatorRequest } from './operator.ts'
import type { Person } from './operator-api.ts'
import type { Chance } from './random.ts'
import { withDomain } from './domain.ts'

export type Mistake = {
  what: string
  by: Person | null
  request: OperatorRequest
  /** One of these must be answered. */
  statuses: readonly number[]
  /** The field that must be named. */
  field?: string
}

type Site = { sids: readonly string[]; nodes: readonly string[] }
type Body = Record<string, unknown>

/** Something that might be accepted, with a field that it cannot be without. */
function anyWish({ sids, nodes }: Site, chance: Chance) {
  const [sid, node] = [chance.pick(sids), chance.pick(nodes)]
  const { spec } = newService(sid)
  const post = (path: string, body: Body, needs: string) => ({
    ...{ request: { method: 'POST' as const, path, body }, body, needs },
  })
  return chance.pick([
    post('/services', { sid: 'process:new', spec: { command: ['x'] }, comment: '' }, 'sid'),
    post('/services', { sid, spec: withDomain(sid, spec), requested: 'stopped' }, 'spec'),
    post(`/services/${sid}/migrate`, { node }, 'node'),
    post(`/services/${sid}/relocate`, { node }, 'node'),
    post('/groups', { name: 'green', nodes: { [node]: 1 }, restricted: true }, 'nodes'),
    post('/rules', { id: 'r', type: 'node-affinity', resources: [sid], nodes: {} }, 'resources'),
    post(`/nodes/${node}/maintenance`, { enabled: true }, 'enabled'),
    post('/disarm', { mode: 'freeze' }, 'mode'),
    post(`/nodes/${node}/fence-confirm`, { typedName: node, force: true }, 'typedName'),
  ])
}

const invalid = [422] as const

type Kind = (site: Site, chance: Chance) => Mistake

const kinds: Kind[] = [
  (site, chance) => {
    const { request, body } = anyWish(site, chance)
    const wrong = { ...request, body: { ...body, colour: 'red' } }
    return {
      ...{ what: 'an unknown field', by: 'clumsy', request: wrong, statuses: invalid },
      field: 'colour',
    }
  },
  (site, chance) => {
    const { request, body } = anyWish(site, chance)
    const field = chance.pick(Object.keys(body))
    const value = chance.pick([{ not: 'this' }, 17.5, [[]]])
    const wrong = { ...request, body: { ...body, [field]: value } }
    return {
      ...{ what: `${field} is no such thing`, by: 'clumsy', request: wrong },
      statuses: invalid,
      field,
    }
  },
  (site, chance) => {
    const { request, body, needs } = anyWish(site, chance)
    const { [needs]: _, ...rest } = body
    const wrong = { ...request, body: rest }
    return {
      ...{ what: `no ${needs}`, by: 'clumsy', request: wrong, statuses: invalid },
      field: needs,
    }
  },
  (site, chance) => {
    const { request } = anyWish(site, chance)
    const cut = JSON.stringify(request.body).slice(0, -1)
    return {
      what: 'half a body',
      by: 'clumsy',
      request: { ...request, body: cut },
      statuses: [400],
    }
  },
  (site, chance) => {
    const { request } = anyWish(site, chance)
    const headers = { 'content-type': 'text/plain' }
    return { what: 'plain text', by: 'clumsy', request: { ...request, headers }, statuses: [415] }
  },
  (site, chance) => {
    const { request } = anyWish(site, chance)
    const by = chance.pick([null, 'stranger'] as const)
    return { what: 'no token of ours', by, request, statuses: [401] }
  },
  (site, chance) => {
    const { request } = anyWish(site, chance)
    return { what: 'a viewer', by: 'viewer', request, statuses: [403] }
  },
  ({ sids }, chance) => {
    const headers = { 'if-match': '"987654"' }
    const changes = [
      { path: `/services/${chance.pick(sids)}`, body: { comment: 'mine' } },
      { path: '/groups/red', body: { nofailback: true } },
      { path: '/rules/apart', body: { disabled: true } },
      { path: '/settings', body: { maxWorkers: 2 } },
    ]
    const request = { method: 'PATCH' as const, headers, ...chance.pick(changes) }
    return { what: 'a version that never was', by: 'clumsy', request, statuses: [412, 404] }
  },
  (_, chance) => {
    const [method, path, status] = chance.pick([
      ['POST', '/service', 404],
      ['PUT', '/services', 405],
      ['DELETE', '/settings', 405],
      ['POST', '/services/nothing/start', 422],
    ] as const)
    return {
      what: `${method} ${path}`,
      by: 'clumsy',
      request: { method, path },
      statuses: [status],
    }
  },
]

export function anyMistake(site: Site, chance: Chance): Mistake {
  return chance.pick(kinds)(site, chance)
}

/** What is wrong with an answer to a mistake; null: nothing. That the database is not there now may be said of anything. */
export function faultIn({ what, statuses, field }: Mistake, reply: OperatorReply): string | null {
  const { status, body } = reply
  if (status === 503) return null
  const { errors = [] } = (body ?? {}) as { errors?: { field: string }[] }
  const told = `${what} was answered with ${status} ${JSON.stringify(body)}`
  if (!statuses.includes(status)) return told
  const names = errors.some((one) => one.field === field || one.field.startsWith(`${field}.`))
  return field === undefined || names ? null : `${told}: ${field} is not named`
}
