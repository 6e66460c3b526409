// A service that is taken over from a node: whoever else may have started it there, nothing of it begins anywhere before that
// node has said where it stands, or a person has vouched for its death (rule 7).
import { describe, expect, it } from 'vitest'
import type { ServiceType } from '../../shared/names.ts'
import type { RunningService } from '../../shared/protocol.ts'
import { desiredFor } from '../../control-plane/cluster/orders.ts'
import { refuseFenceConfirm, refuseNodeRemoval } from '../../control-plane/intake/node-wish.ts'
import { aNode, aService, buildView, type NodeChanges, silentNode } from './build-view.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'
const copy: RunningService = { sid: web, generation: 0, state: 'running', stable: true }

/** Asked for, of n1, which is silent; n2 and n3 have answered. */
function silent(changes: NodeChanges = {}, adoptedFrom: string | null = 'n1') {
  const service = aService(web, 'n1', {
    config: { adoptedFrom },
    status: { state: 'request_start', running: false, probeRound: 100 },
    ...{ grant: false, everGranted: false },
  })
  const n1 = silentNode('n1', {
    state: 'unknown',
    ...changes,
    lease: { revision: 0, ...changes.lease },
  })
  return buildView({ nodes: [n1, aNode('n2'), aNode('n3')], services: [service] })
}

describe('a service taken over from a node that is silent', () => {
  it('is started nowhere, and says for whom it waits and what a person can do', () => {
    const { plan, after } = play(silent())
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status!.note).toBe(
      'first start: waits for n1 to say that nothing of it runs there, or for: ha-manager fence confirm n1',
    )
    expect(ofKind(play(silent({}, null)).plan, 'grant.opened')).toMatchObject([{ node: 'n2' }])
  })

  it('is not adopted elsewhere either: what runs there may be one of two copies', () => {
    const view = silent()
    view.nodes.n2!.report!.running = [copy]
    expect(ofKind(play(view).plan, 'grant.adopted')).toEqual([])
  })

  it('is started at the word of a person that the node is dead, which may be given for it', () => {
    const confirm = { typedName: 'n1', force: false }
    expect(refuseFenceConfirm(silent(), 'n1', confirm)).toBeNull()
    const vouched = silent({ lease: { vouchedRound: 150 } })
    expect(refuseFenceConfirm(vouched, 'n1', confirm)?.code).toBe('nothing-to-confirm')
    expect(ofKind(play(vouched).plan, 'grant.opened')).toMatchObject([{ node: 'n2' }])
  })

  it('keeps that node on the roster until it has answered', () => {
    expect(refuseNodeRemoval(silent(), 'n1')).toMatchObject({ code: 'grants-open' })
    expect(refuseNodeRemoval(silent({}, null), 'n1')).toBeNull()
    expect(refuseNodeRemoval(silent({ lease: { vouchedRound: 150 } }), 'n1')).toBeNull()
    const answers = (running: RunningService[], drivers: ServiceType[] = ['process']) => {
      const view = silent()
      view.nodes.n1 = aNode('n1', { drivers })
      view.nodes.n1.report!.running = running
      return refuseNodeRemoval(view, 'n1')
    }
    expect(answers([])).toBeNull()
    expect(answers([copy])).toMatchObject({ code: 'grants-open' })
    expect(answers([], ['vm'])).toMatchObject({ code: 'grants-open' })
  })

  it('keeps it there also where it was not asked yet, or is not asked at all', () => {
    for (const requested of ['started', 'ignored'] as const) {
      const view = silent({ lease: { vouchedRound: 150 } })
      const { config, ...service } = view.services[web]!
      view.services[web] = { ...service, config: { ...config!, requested }, status: null }
      const refusal = refuseNodeRemoval(view, 'n1')
      expect(refusal).toMatchObject({ code: 'grants-open' })
      expect(refusal?.sentence).toContain('has not been asked yet')
    }
  })

  it('waits for it also where it could not run the service any more', () => {
    expect(ofKind(play(silent({ drivers: [] })).plan, 'grant.opened')).toEqual([])
  })

  it('takes no word of an agent without a driver for it as an answer, and asks it all the same', () => {
    const view = silent()
    const [lives, sees] = [aNode('n1', { drivers: ['vm'] }), aNode('n1', { drivers: ['process'] })]
    const blind = { ...view, nodes: { ...view.nodes, n1: lives } }
    expect(desiredFor(blind, 'n1').probes).toEqual([web])
    const { plan, after } = play(blind)
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(after.services[web]!.status!.note).toContain('its agent has no process driver on n1')
    const seeing = play({ ...view, nodes: { ...view.nodes, n1: sees } })
    expect(ofKind(seeing.plan, 'grant.opened')).toMatchObject([{ node: 'n1' }])
  })
})

describe('a service that was adopted', () => {
  /** Granted to n1 as it was found there; n1 has been silent until long after its deadline. */
  const dead = (guarded: boolean | null) => {
    const service = aService(web, 'n1', {
      config: { adoptedFrom: 'n1' },
      status: { running: true, foundAs: 0 },
    })
    const n1 = silentNode('n1', { lease: { guarded, armed: guarded === true } })
    return play(buildView({ nodes: [n1, aNode('n2'), aNode('n3')], services: [service] }))
  }

  it('is not started elsewhere on the word of a deadline before its agent has said that it is armed', () => {
    const { plan, after } = dead(null)
    expect(ofKind(plan, 'evidence.recorded')).toEqual([])
    expect(after.services[web]!.grant!.holders).toMatchObject([{ node: 'n1', confirmed: true }])
    expect(ofKind(plan, 'grant.opened')).toEqual([])
    expect(ofKind(dead(true).plan, 'grant.opened')).toMatchObject([{ sid: web }])
  })
})
