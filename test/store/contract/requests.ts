// What operators may ask, as data that fast-check draws and shrinks: sensible, impossible, ill-formed, or without the right.
import fc from 'fast-check'
import type { ClusterView } from '../../../control-plane/cluster/view.ts'
import type { Role } from '../../../shared/operator-api.ts'
import { names, sids } from './steps.ts'

export type Asked = {
  method: string
  path: string
  body?: unknown
  headers: Record<string, string>
}

type Wish = { method: string; path: string; body?: unknown }

const sid = fc.constantFrom(...sids, 'process:zzz')
const node = fc.constantFrom(...names, 'n9')
const group = fc.constantFrom('red', 'blue')
const rule = fc.constantFrom('pin', 'apart', 'together')
const priorities = fc.dictionary(node, fc.nat(3), { minKeys: 1, maxKeys: 3 })
const comment = fc.constantFrom('', 'a word')
const requested = fc.constantFrom('started', 'stopped', 'disabled', 'ignored', 'enabled')
const mode = fc.constantFrom('freeze', 'ignore')
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 })
const resources = fc.uniqueArray(sid, { minLength: 1, maxLength: 3 })

const to = <T>(from: fc.Arbitrary<T>, wish: (value: T) => Wish) => from.map(wish)

const services = [
  to(
    fc.record({ sid, requested, comment, group: maybe(group), node: maybe(node) }),
    ({ sid: one, ...more }) => ({
      ...{ method: 'POST', path: '/services' },
      body: { sid: one, spec: { command: ['x'] }, ...more },
    }),
  ),
  to(
    fc.tuple(
      sid,
      fc.record({
        requested: maybe(requested),
        comment: maybe(comment),
        group: maybe(fc.option(group)),
        maxRestart: maybe(fc.nat(3)),
        stopTimeoutMs: maybe(fc.option(fc.nat(9_000))),
      }),
    ),
    ([one, body]) => ({ method: 'PATCH', path: `/services/${one}`, body }),
  ),
  to(fc.tuple(sid, fc.constantFrom('enable', 'disable', 'start', 'restart')), ([one, verb]) => ({
    ...{ method: 'POST', path: `/services/${one}/${verb}` },
  })),
  to(fc.tuple(sid, maybe(fc.nat(5_000))), ([one, timeoutMs]) => ({
    ...{ method: 'POST', path: `/services/${one}/stop`, body: { timeoutMs } },
  })),
  to(fc.tuple(sid, fc.constantFrom('migrate', 'relocate'), node), ([one, verb, target]) => ({
    ...{ method: 'POST', path: `/services/${one}/${verb}`, body: { node: target } },
  })),
  to(fc.tuple(sid, fc.constantFrom('', '?purge=false')), ([one, purge]) => ({
    ...{ method: 'DELETE', path: `/services/${one}${purge}` },
  })),
]

const groups = [
  to(fc.record({ name: group, nodes: priorities, restricted: fc.boolean(), comment }), (body) => ({
    ...{ method: 'POST', path: '/groups', body },
  })),
  to(
    fc.tuple(group, fc.record({ nodes: maybe(priorities), comment: maybe(comment) })),
    ([name, body]) => ({ method: 'PATCH', path: `/groups/${name}`, body }),
  ),
  to(group, (name) => ({ method: 'DELETE', path: `/groups/${name}` })),
]

const rules = [
  to(fc.record({ resources, nodes: priorities, strict: fc.boolean(), comment }), (body) => ({
    ...{ method: 'POST', path: '/rules', body: { id: 'pin', type: 'node-affinity', ...body } },
  })),
  to(fc.record({ id: fc.constantFrom('apart', 'together'), resources }), ({ id, ...more }) => ({
    ...{ method: 'POST', path: '/rules' },
    body: {
      ...{ id, type: 'resource-affinity', ...more },
      affinity: id === 'apart' ? 'negative' : 'positive',
    },
  })),
  to(
    fc.tuple(rule, fc.record({ resources: maybe(resources), disabled: maybe(fc.boolean()) })),
    ([id, body]) => ({ method: 'PATCH', path: `/rules/${id}`, body }),
  ),
  to(fc.tuple(rule, sid, fc.constantFrom('PUT', 'DELETE')), ([id, one, method]) => ({
    ...{ method, path: `/rules/${id}/resources/${one}` },
  })),
  to(fc.tuple(rule, fc.constantFrom('enable', 'disable')), ([id, verb]) => ({
    ...{ method: 'POST', path: `/rules/${id}/${verb}` },
  })),
  to(rule, (id) => ({ method: 'DELETE', path: `/rules/${id}` })),
]

const site = [
  to(fc.tuple(node, fc.boolean()), ([name, enabled]) => ({
    ...{ method: 'POST', path: `/nodes/${name}/maintenance`, body: { enabled } },
  })),
  to(node, (name) => ({ method: 'POST', path: `/nodes/${name}/drill` })),
  to(node, (name) => ({ method: 'DELETE', path: `/nodes/${name}` })),
  to(fc.tuple(node, fc.boolean()), ([name, force]) => ({
    ...{ method: 'POST', path: `/nodes/${name}/fence-confirm`, body: { typedName: name, force } },
  })),
  to(mode, (one) => ({ method: 'POST', path: '/disarm', body: { mode: one } })),
  to(fc.constant(0), () => ({ method: 'POST', path: '/arm' })),
  to(
    fc.record({
      quorum: maybe(fc.constantFrom('plane', 'majority')),
      profile: maybe(fc.constantFrom('default', 'fast', 'edge')),
    }),
    (body) => ({ method: 'PATCH', path: '/settings', body }),
  ),
]

const imports = to(
  fc.tuple(fc.constantFrom('red', 'green'), fc.constantFrom('n1', 'n2:2,n3'), requested),
  ([name, on, state]) => ({
    ...{ method: 'POST', path: '/import' },
    body: {
      files: {
        'groups.cfg': `group: ${name}\n\tnodes ${on}\n`,
        'resources.cfg': `vm: 101\n\tgroup ${name}\n\tstate ${state}\n`,
        'rules.cfg': `node-affinity: old\n\tresources vm:101\n\tnodes ${on}\n`,
      },
    },
  }),
)

const looks = to(
  fc.constantFrom(
    ...['/services', '/services/process:a', '/groups', '/groups/red', '/rules', '/rules/pin'],
    ...['/settings', '/commands', '/commands?open=true&limit=3', '/commands?sid=process:a'],
  ),
  (path) => ({ method: 'GET', path }),
)

const right = fc.oneof(
  ...[...services, ...groups, ...rules, ...site, imports].map((arbitrary) => ({
    arbitrary,
    weight: 2,
  })),
  { arbitrary: looks, weight: 6 },
)

/** Nothing of these may ever be accepted. */
const wrongs = ['none', 'unknown-field', 'wrong-type', 'no-token', 'bad-token', 'viewer'] as const

export const request = fc.record({
  what: fc.constant('request' as const),
  wish: right,
  wrong: fc.constantFrom('none', 'none', 'none', 'none', 'none', ...wrongs),
  dryRun: fc.constantFrom(false, false, false, true),
  ifMatch: fc.constantFrom(null, null, null, 'last', 'old', 'nonsense'),
  as: fc.constantFrom<Role>('operator', 'admin', 'admin'),
})
export type Request = typeof request extends fc.Arbitrary<infer T> ? T : never

/** The request as it is sent. Versions are those of the view. */
export function asks(
  { wish, wrong, dryRun, ifMatch, as }: Request,
  secretOf: (role: Role) => string,
  view: ClusterView,
): Asked {
  const { method, path } = wish
  const separator = path.includes('?') ? '&' : '?'
  const secrets = { 'no-token': null, 'bad-token': 'x'.repeat(40), viewer: secretOf('viewer') }
  const secret = wrong in secrets ? secrets[wrong as 'viewer'] : secretOf(as)
  const version = view.services[path.split('/')[2] ?? '']?.config?.version ?? 1
  const versions = { last: `"${version}"`, old: `"${version + 7}"`, nonsense: 'seven' }
  return {
    method,
    path: dryRun && method !== 'GET' ? `${path}${separator}dryRun=true` : path,
    ...(wish.body !== undefined && { body: spoilt(wish.body as object, wrong) }),
    headers: {
      ...(secret !== null && { authorization: `Bearer ${secret}` }),
      ...(ifMatch !== null && { 'if-match': versions[ifMatch as 'last'] }),
    },
  }
}

function spoilt(body: object, wrong: string): unknown {
  if (wrong === 'unknown-field') return { ...body, unknown: 1 }
  if (wrong !== 'wrong-type') return body
  return Object.fromEntries(Object.keys(body).map((key) => [key, { not: 'this' }]))
}
