// Small worlds at rest, drawn at random: services in groups and under rules, on four nodes. What is then asked of them
// is for the tests to say.
import fc from 'fast-check'
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { aGroup } from '../decide/build-view.ts'
import { World } from '../decide/world.ts'
import { drawRules } from '../rules/draw-rules.ts'

export const names = ['n1', 'n2', 'n3', 'n4']
/** Some of them move live. */
export const sids = ['process:a', 'process:b', 'process:c', 'vm:1', 'vm:2', 'vm:3']

const service = fc.record({
  requested: fc.constantFrom('started', 'started', 'started', 'stopped', 'disabled'),
  group: fc.constantFrom(null, null, 'preferring', 'restricted', 'sticky'),
})

const groupOf = (name: string) =>
  fc.record({
    nodes: fc
      .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })
      .chain((members) =>
        fc
          .array(fc.nat(2), { minLength: 3, maxLength: 3 })
          .map((priorities) =>
            Object.fromEntries(members.map((member, at) => [member, priorities[at]!])),
          ),
      ),
    name: fc.constant(name),
  })

export const life = fc.record({
  services: fc.array(service, { minLength: sids.length, maxLength: sids.length }),
  groups: fc.tuple(groupOf('preferring'), groupOf('restricted'), groupOf('sticky')),
  rules: drawRules(4, sids, names),
  down: fc.uniqueArray(fc.constantFrom(...names), { minLength: 0, maxLength: 3 }),
  maintenance: fc.uniqueArray(fc.constantFrom(...names), { minLength: 0, maxLength: 2 }),
  wish: fc.record({
    sid: fc.constantFrom(...sids),
    requested: fc.constantFrom('started', 'stopped'),
  }),
})
export type Life = typeof life extends fc.Arbitrary<infer T> ? T : never

/** A settled world with these services in these groups. */
export function settledWorld({ services, groups, rules }: Life): World {
  const world = new World(names)
  const [preferring, restricted, sticky] = groups
  world.view = {
    ...world.view,
    rules,
    groups: {
      preferring: aGroup('preferring', preferring.nodes),
      restricted: aGroup('restricted', restricted.nodes, { restricted: true }),
      sticky: aGroup('sticky', sticky.nodes, { nofailback: true }),
    },
  }
  sids.forEach((sid, at) => {
    const { requested, group } = services[at]!
    world.configure(sid, { requested, group } as never)
  })
  world.run(20_000)
  return world
}

/** Where everything is, and in which state. */
export function places(view: ClusterView) {
  return sids.map((sid) => {
    const { status, grant } = view.services[sid]!
    const holders = grant?.holders.map(({ node }) => node) ?? []
    return `${sid} ${status?.state} on ${status?.node}, held by ${holders.join(' ') || 'nobody'}`
  })
}
