// What counts as a person's word that a node is dead, and when it is refused because the node is not.
import { describe, expect, it } from 'vitest'
import type { EpochRequestView } from '../../control-plane/cluster/node-words.ts'
import type { NodeView } from '../../control-plane/cluster/view.ts'
import { refuseFenceConfirm } from '../../control-plane/intake/node-wish.ts'
import { aNode, aService, buildView, type NodeChanges, nowMs, silentNode } from './build-view.ts'
import { play } from './play.ts'

const web = 'process:web'
const onN1 = (n1: NodeView, services = [aService(web, 'n1')]) =>
  buildView({ nodes: [n1, aNode('n2')], services })
const refusal = (view: ReturnType<typeof buildView>, force = false) =>
  refuseFenceConfirm(view, 'n1', { typedName: 'n1', force })?.code ?? null

/** n1, silent for long, asking or having asked for a lease. */
function asking(request: Partial<EpochRequestView> = {}, changes: NodeChanges = {}) {
  const epochRequest: EpochRequestView = {
    bootId: 'n1-boot-1',
    sameHardware: true,
    planeEpoch: 1,
    nonce: null,
    found: [],
    requestedMs: nowMs - 1_000,
    ...request,
  }
  return silentNode('n1', { state: 'unknown', ...changes, epochRequest })
}

describe('a node that asks for a lease', () => {
  const found = [{ sid: web, generation: 1, state: 'running' as const }]
  it.each([
    ['in the boot that ran its services', asking()],
    ['after it has booted again', asking({ bootId: 'n1-boot-2' })],
    ['as other hardware that runs something', asking({ sameHardware: false, found })],
    ['as a virtual machine in the same boot', asking({}, { virtual: true })],
  ])('%s is not dead, whatever is forced', (_, n1) => {
    expect(refusal(onN1(n1), true)).toBe('node-renews')
  })

  it.each([
    ['a request of long ago', asking({ requestedMs: nowMs - 60_000 })],
    ['a spare machine under its name', asking({ sameHardware: false })],
    ['a virtual machine that has booted again', asking({ bootId: 'n1-boot-2' }, { virtual: true })],
  ])('%s says nothing of the one that ran its services', (_, n1) => {
    expect(refusal(onN1(n1))).toBeNull()
  })
})

describe('a node that holds nothing', () => {
  const dead = (lease: NodeChanges['lease'] = {}) => silentNode('n1', { state: 'unknown', lease })

  it('needs no word', () => {
    expect(refusal(onN1(dead(), []))).toBe('nothing-to-confirm')
  })

  it('may be vouched for when a quarantine waits for it', () => {
    const view = onN1(dead({ attestedPlaneEpoch: 1 }), [])
    view.nodes.n2!.lease.attestedPlaneEpoch = 2
    view.planeEpoch = { ...view.planeEpoch, number: 2, quarantineUntilMs: nowMs - 1 }
    expect(play(view).after.nodes.n1!.note).toContain('has not attested')
    expect(refusal(view)).toBeNull()
  })

  it('may be vouched for when it last said that it runs what this database does not know', () => {
    const n1 = dead({ bootId: null, epoch: 4 })
    const running = [{ sid: web, generation: 6, state: 'running' as const, stable: true }]
    n1.report = { ...n1.report!, epoch: 3, bootId: 'n1-boot-1', running }
    const service = aService(web, null, { grant: false, lastGeneration: 5 })
    expect(refusal(onN1(n1, [service]))).toBeNull()
    expect(refusal(onN1(n1, [{ ...service, lastGeneration: 6 }]))).toBe('nothing-to-confirm')
  })
})
