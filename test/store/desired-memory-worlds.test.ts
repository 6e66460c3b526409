// Whoever's document is not made again has the same as before, whatever services, nodes and what these say of services go
// through: moves, copies that nobody granted, new epochs, services that are managed no more.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { desiredForAll } from '../../control-plane/cluster/orders.ts'
import type { ClusterView, NodeName } from '../../control-plane/cluster/view.ts'
import { nodesToWrite, remember } from '../../control-plane/store/view/desired-memory.ts'
import { aNode, aService, buildView } from '../decide/build-view.ts'

const names = ['n1', 'n2', 'n3']
const sids = ['vm:a', 'vm:b']
const [aName, aSid] = [fc.constantFrom(...names), fc.constantFrom(...sids)]

const said = fc.record({
  sid: aSid,
  generation: fc.constantFrom(2, 3),
  state: fc.constantFrom('running', 'incoming', 'migrating', 'unknown'),
  sent: fc.boolean(),
})
const step = fc.oneof(
  fc.record({
    what: fc.constant('says' as const),
    node: aName,
    running: fc.uniqueArray(said, { maxLength: 2, selector: ({ sid }) => sid }),
  }),
  fc.record({
    what: fc.constant('is' as const),
    sid: aSid,
    node: aName,
    target: fc.option(aName, { nil: null }),
    state: fc.constantFrom('started', 'migrate', 'stopped', 'ignored'),
    holders: fc.subarray(names, { maxLength: 2 }),
  }),
  fc.record({ what: fc.constant('epoch' as const), node: aName, epoch: fc.constantFrom(3, 4) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** All that has not changed stays the same object, as a replica's cache hands it on. */
function after(view: ClusterView, one: Step): ClusterView {
  if (one.what === 'is') return { ...view, services: { ...view.services, [one.sid]: service(one) } }
  const node = view.nodes[one.node]!
  if (one.what === 'epoch') {
    const lease = { ...node.lease, epoch: one.epoch }
    return { ...view, nodes: { ...view.nodes, [node.name]: { ...node, lease } } }
  }
  const running = one.running.map(({ sent, state, ...rest }) => ({
    ...{ ...rest, state: state as 'running', stable: true },
    ...(state === 'incoming' && { address: `${node.name}:49152` }),
    ...(state === 'migrating' && sent && { sent: true as const }),
  }))
  const report = { ...node.report!, running }
  return { ...view, nodes: { ...view.nodes, [node.name]: { ...node, report } } }
}

function service({ sid, node, target, state, holders }: Step & { what: 'is' }) {
  const isMoving = state === 'migrate' && target !== node
  const built = aService(sid, node, {
    status: {
      state:
        state === 'ignored' || (state === 'migrate' && !isMoving)
          ? 'started'
          : (state as 'started'),
      target: isMoving ? target : null,
    },
    grant: {
      generation: 2 + sids.indexOf(sid),
      holders: holders.map((name) => ({ node: name, epoch: 3, confirmed: true })),
    },
  })
  const grant = holders.length === 0 ? null : built.grant
  return { ...built, grant, ...(state === 'ignored' && { status: null }) }
}

test('a document that is not made again would have come out the same', () => {
  let [left, made] = [0, 0]
  const empty = buildView({ nodes: names.map((name) => aNode(name)), services: [] })
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
      let view = empty
      let memory = null
      let stored: Record<NodeName, string> = {}
      for (const one of steps) {
        view = after(view, one)
        const documents = desiredForAll(view)
        const texts: Record<NodeName, string> = {}
        for (const name of names) texts[name] = JSON.stringify(documents[name])
        const again = new Set(nodesToWrite(memory, view, stored, ''))
        for (const name of names) {
          if (again.has(name)) made += 1
          else {
            left += 1
            expect(`${name}: ${texts[name]}`).toBe(`${name}: ${stored[name]}`)
          }
        }
        stored = texts
        memory = remember(view, texts, '')
      }
    }),
    { numRuns: 500 },
  )
  expect(left).toBeGreaterThan(1_000)
  expect(made).toBeGreaterThan(1_000)
})
