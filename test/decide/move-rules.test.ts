// What rules make of a commanded move, and how they explain themselves.
import { describe, expect, it } from 'vitest'
import { explainPlacement } from '../../control-plane/crm/decide/placement-explained.ts'
import { apart, aStrictRule, together } from './build-rules.ts'
import { aCommand, aNode, aService, buildView, type ServiceChanges } from './build-view.ts'
import { ofKind, play, statesOf } from './play.ts'

const [a, b, c] = ['process:a', 'process:b', 'process:c'] as const
const lost: ServiceChanges = { grant: false, status: { state: 'recovery', running: false } }
const down = (name: string) => aNode(name, { drivers: [] })

describe('a commanded move', () => {
  const move = aCommand('migrate', a, { node: 'n2' })
  const status = (played: ReturnType<typeof play>) =>
    ofKind(played.plan, 'command.status').map(({ to, why }) => `${to}: ${why}`)

  it.each([
    [
      'a strict rule',
      [aStrictRule('only', [a], ['n1'])],
      /^refused: rule only restricts process:a to n1/,
    ],
    [
      'a partner there',
      [apart('r', [a, b])],
      /^refused: rule r keeps process:a and process:b apart, and process:b is on n2/,
    ],
  ])('against %s is refused before anything moves (D6)', (_name, rules, reason) => {
    const services = [aService(a, 'n1'), aService(b, 'n2')]
    const played = play(buildView({ services, rules, commands: [move] }))
    expect(status(played)).toEqual([expect.stringMatching(reason)])
    expect(ofKind(played.plan, 'service.state')).toEqual([])
  })

  it('takes along whom the service is kept together with, running or stopped', () => {
    const off = {
      grant: false,
      config: { requested: 'stopped' as const },
      status: { state: 'stopped' as const, running: false },
    }
    const services = [aService(a, 'n1'), aService(b, 'n1'), aService(c, 'n1', off)]
    const played = play(
      buildView({ services, rules: [together('r', [a, b, c])], commands: [move] }),
    )
    const places = [a, b, c].map((sid) => played.after.services[sid]!.status!)
    expect(places.map(({ state, node, target }) => [state, node, target])).toEqual([
      ['relocate', 'n1', 'n2'],
      ['relocate', 'n1', 'n2'],
      ['stopped', 'n2', null],
    ])
    // What does not run is told as a move, too (T29).
    expect(statesOf(played.plan, c)).toEqual(['relocate', 'request_stop', 'stopped'])
    expect(status(played)).toEqual([`running: moves to n2, and takes ${b} ${c} along`])
  })

  it('leaves partners alone that are there, or on their way', () => {
    const onItsWay = { status: { state: 'relocate' as const, target: 'n2', uid: 'own' } }
    const services = [aService(a, 'n1'), aService(b, 'n2'), aService(c, 'n3', onItsWay)]
    const played = play(
      buildView({ services, rules: [together('r', [a, b, c])], commands: [move] }),
    )
    expect(played.after.services[c]!.status!.uid).toBe('own')
    expect(statesOf(played.plan, b)).toEqual([])
    expect(statesOf(played.plan, a)).toEqual(['relocate'])
  })

  it('to a node that a partner to stay apart from is leaving waits there, and fails if that one stays', () => {
    const rules = [apart('r', [a, b])]
    const arriving = aService(a, 'n1', {
      grant: false,
      status: { state: 'relocate', target: 'n2', running: false },
    })
    const leaves = aService(b, 'n2', { status: { state: 'relocate', target: 'n3' } })
    const waits = play(buildView({ services: [arriving, leaves], rules })).after
    expect(waits.services[a]!.status).toMatchObject({
      state: 'relocate',
      note: 'process:b is not gone from n2 yet: apart by rule r',
    })
    const stays = play(buildView({ services: [arriving, aService(b, 'n2')], rules })).after
    expect(stays.services[a]).toMatchObject({
      status: { state: 'started', node: 'n1', moveFailures: 1 },
      grant: { holders: [{ node: 'n1' }] },
    })
  })

  it('live to a node that one is still leaving is refused, as both would be there', () => {
    const rules = [apart('r', ['vm:1', 'vm:2'])]
    const nodes = ['n1', 'n2', 'n3'].map((name) => aNode(name, { drivers: ['vm'] }))
    const leaves = { status: { state: 'relocate' as const, target: 'n3' } }
    const services = [aService('vm:1', 'n1'), aService('vm:2', 'n2', leaves)]
    const commands = [aCommand('migrate', 'vm:1', { node: 'n2' })]
    expect(status(play(buildView({ nodes, services, rules, commands })))).toEqual([
      expect.stringMatching(/^refused: vm:2 is not gone from n2 yet: apart by rule r; relocate/),
    ])
  })

  it('is refused where a partner could not run', () => {
    const services = [aService(a, 'n1'), aService('vm:1', 'n1')]
    const played = play(
      buildView({ services, rules: [together('r', [a, 'vm:1'])], commands: [move] }),
    )
    expect(status(played)).toEqual([
      'refused: node n2 cannot take vm:1, which rule r keeps together with it: it has no driver for vm',
    ])
  })
})

describe('an explanation', () => {
  it('names for every node what rules it out, or its score, and why the choice fell', () => {
    const nodes = [
      aNode('n1', { state: 'maintenance' }),
      ...['n2', 'n3', 'n4', 'n5'].map((name) => aNode(name)),
      down('n6'),
    ]
    const services = [aService(a, 'n9', lost), aService(b, 'n2'), aService(c, 'n4')]
    const rules = [aStrictRule('only', [a, c], ['n1', 'n2', 'n3', 'n4', 'n6']), apart('r', [a, b])]
    const told = explainPlacement(buildView({ nodes, services, rules }), a, 'best-score')
    expect(told).toMatchObject({ chosen: 'n3', why: 'best of rule only, 0 services' })
    expect(
      told.nodes.map(({ node, ruledOut, score }) => [node, ruledOut?.code, ruledOut?.rules, score]),
    ).toEqual([
      ['n1', 'state', [], null],
      ['n2', 'apart', ['r'], 1],
      ['n3', undefined, undefined, 0],
      ['n4', undefined, undefined, 1],
      ['n5', 'node-affinity', ['only'], 0],
      ['n6', 'driver', [], 0],
    ])
  })

  it('stays short in a large cluster', () => {
    const nodes = Array.from({ length: 50 }, (_, index) => aNode(`n${index + 10}`))
    const view = buildView({
      nodes,
      services: [aService(a, 'n9', lost)],
      rules: [aStrictRule('only', [a], ['n9'])],
    })
    expect(explainPlacement(view, a, 'best-score').why).toBe(
      'no node can take it: n10 n11 n12 n13 n14 and 45 more: rule only forbids it',
    )
  })
})
