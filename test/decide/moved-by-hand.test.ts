// A service that somebody may have moved by hand, while nothing was managed or it was not: nothing of it is started, and nothing
// stopped, before the nodes have said where it runs (D8, rule 7).
import { describe, expect, it } from 'vitest'
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import type { NodeView } from '../../control-plane/cluster/view.ts'
import { aNode, aService, buildView, type ServiceChanges } from './build-view.ts'
import { clusterCommand, disarming } from './disarm-rig.ts'
import { play } from './play.ts'

const web = 'process:web'
const asked = { probeRound: 250, probesRoster: true, running: false }
const copy = (generation = 1) => ({
  ...{ sid: web, generation, state: 'running' as const, stable: true },
})
const on = (node: string) => ({ generation: 1, holders: [{ node, epoch: 3, confirmed: true }] })

/** It has answered what it runs. */
function answering(name: string, runs = false): NodeView {
  const node = aNode(name, { lease: { revision: 250 } })
  node.report!.running = runs ? [copy()] : []
  return node
}

const view = (nodes: NodeView[], changes: ServiceChanges) =>
  buildView({ round: 300, nodes, services: [aService(web, 'n1', changes)] })

describe('a service that may have been moved by hand', () => {
  it.each(['freeze', 'error'] as const)(
    'is not ended where it was moved by hand while nobody has looked yet and it is left alone here (%s)',
    (state) => {
      const v = view([answering('n1'), answering('n2', true), answering('n3')], {
        status: { ...asked, state },
        grant: on('n1'),
      })
      v.nodes.n2!.report!.running = [copy(7)]
      expect(desiredFor(v, 'n2').services).toEqual([])
      const frozen = { ...v, disarm: disarming('freeze', { state: 'disarmed' }) }
      frozen.services[web]!.status!.probeRound = null
      expect(desiredFor(frozen, 'n2').services).toEqual([])
    },
  )

  it('is asked for on the whole roster also where it was removed, and is added again', () => {
    const arm = clusterCommand({ kind: 'arm', mode: null })
    const disarm = disarming('ignore', { state: 'disarmed' })
    const v = { ...view([aNode('n1'), aNode('n2')], { status: null }), disarm }
    const { after } = play({ ...v, clusterCommands: [arm] })
    expect(after.services[web]!.status).toMatchObject({ probeRound: 300, probesRoster: true })
    expect(desiredFor(after, 'n1').services).toMatchObject([{ sid: web, state: 'ignored' }])
  })

  it('is asked for where it was removed while it ran, and is added again: it may have been moved by hand', () => {
    const { after } = play(view([aNode('n1'), aNode('n2')], { status: null }))
    expect(after.services[web]!.status).toMatchObject({ state: 'started', probeRound: 300 })
    expect(desiredFor(after, 'n1').services).toMatchObject([{ sid: web, state: 'ignored' }])
  })

  it('has the other half of a move ended where its source says that it runs there', () => {
    const [n1, n2] = [answering('n1', true), answering('n2')]
    n2.report!.running = [{ ...copy(2), state: 'incoming' }]
    const v = view([n1, n2, answering('n3')], { status: asked, grant: on('n1') })
    const [holder] = on('n2').holders
    v.services[web]!.grant!.holders.push({ ...holder!, generation: 2 })
    expect(desiredFor(v, 'n2').services).toMatchObject([{ sid: web, state: 'request_stop' }])
    expect(desiredFor(v, 'n1').services).toMatchObject([{ sid: web, state: 'ignored' }])
  })
})
