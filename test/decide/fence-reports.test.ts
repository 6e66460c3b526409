// What the fence devices of a node report about an order: when it is evidence, and what is done when it is none (rule 6).
import { describe, expect, it } from 'vitest'
import { nowMs, type NodeChanges } from './build-view.ts'
import { anOrder, aReading, bmc, revoked, saidOff, uuidOfN3, waiting, web } from './fence-rig.ts'
import { ofKind, play } from './play.ts'

describe('what the devices of a node report', () => {
  const judged = (changes: NodeChanges) => {
    const { plan, after } = play(waiting(revoked(changes)))
    return { evidence: ofKind(plan, 'evidence.recorded'), after }
  }

  it('off, twice after the command, by the right machine, is proof before the deadline, and names what was read', () => {
    const { evidence, after } = judged({ fenceOrder: anOrder([saidOff()]) })
    expect(evidence).toHaveLength(1)
    expect(evidence[0]).toMatchObject({ evidence: 'device-off', node: 'n3', epoch: 3, scope: null })
    expect(evidence[0]!.facts).toMatchObject({
      ...{ order: '1.199.1', attempt: 1, bootId: 'n3-boot-1' },
      devices: [
        {
          ...{
            device: 'bmc',
            before: 'on',
            kind: 'redfish',
            expects: { uuid: uuidOfN3, serial: null },
          },
          readings: [
            { state: 'off', uuid: uuidOfN3, serial: 'S1', at: 'then' },
            { state: 'off', uuid: uuidOfN3, serial: 'S1', at: 'then' },
          ],
        },
      ],
    })
    expect(after.services[web]!.status).toMatchObject({ state: 'started', node: 'n1' })
  })

  it('recovers the services of a virtual node whose watchdog is not trusted (rule 13)', () => {
    const { evidence } = judged({ virtual: true, fenceOrder: anOrder([saidOff()]) })
    expect(evidence.map((one) => one.evidence)).toEqual(['device-off'])
  })

  it('off that was off before proves nothing of a virtual machine: it may have been moved; of a physical one it does', () => {
    const fenceOrder = anOrder([saidOff({ before: 'off' })])
    expect(judged({ virtual: true, fenceOrder }).evidence).toEqual([])
    expect(judged({ fenceOrder }).evidence).toHaveLength(1)
  })

  const readings = (...states: ('on' | 'off' | 'paused' | 'changing' | 'unknown')[]) =>
    states.map((state, at) => aReading(1_000 + 2_000 * at, state))
  const other = { identity: { uuid: '99999999-2222-4333-8444-555555555555', serial: 'S1' } }
  const proofless: [string, NodeChanges][] = [
    ['on', { fenceOrder: anOrder([saidOff({ readings: readings('on', 'on') })]) }],
    ['off only once', { fenceOrder: anOrder([saidOff({ readings: readings('off') })]) }],
    ['off, then on', { fenceOrder: anOrder([saidOff({ readings: readings('off', 'on') })]) }],
    [
      'off, on, off',
      { fenceOrder: anOrder([saidOff({ readings: readings('off', 'on', 'off') })]) },
    ],
    ['paused', { fenceOrder: anOrder([saidOff({ readings: readings('paused', 'paused') })]) }],
    ['unknown', { fenceOrder: anOrder([saidOff({ readings: readings('unknown', 'unknown') })]) }],
    [
      'about to be off',
      { fenceOrder: anOrder([saidOff({ readings: readings('off', 'changing') })]) },
    ],
    ['nothing', { fenceOrder: anOrder([saidOff({ readings: [] })]) }],
    [
      'that it does not take the command',
      { fenceOrder: anOrder([saidOff({ commandedMs: null })]) },
    ],
    ['off before the command', { fenceOrder: anOrder([saidOff({ commandedMs: 2_000 })]) }],
    [
      'off twice at once',
      { fenceOrder: anOrder([saidOff({ readings: [aReading(1_000), aReading(1_100)] })]) },
    ],
    ['an error', { fenceOrder: anOrder([saidOff({ fault: 'no answer' })]) }],
    [
      'of another machine',
      {
        fenceOrder: anOrder([
          saidOff({ readings: [aReading(1_000), aReading(3_000, 'off', other)] }),
        ]),
      },
    ],
    [
      'of no machine in particular',
      {
        fenceOrder: anOrder([
          saidOff({
            readings: [1_000, 3_000].map((ms) =>
              aReading(ms, 'off', { identity: { uuid: null, serial: null } }),
            ),
          }),
        ]),
      },
    ],
    ['by a device that was set up anew since', { fenceOrder: anOrder([saidOff({ uid: 'u7' })]) }],
    [
      'by one of two feeds',
      { fenceDevices: [bmc, { ...bmc, name: 'pdu' }], fenceOrder: anOrder([saidOff()]) },
    ],
    [
      'by a device that was removed since',
      { fenceOrder: anOrder([saidOff(), saidOff({ name: 'pdu' })]) },
    ],
    [
      'by two feeds that may have been off in turn',
      {
        fenceDevices: [bmc, { ...bmc, name: 'pdu' }],
        fenceOrder: anOrder([
          saidOff({ readings: [aReading(1_000), aReading(3_000)] }),
          saidOff({ name: 'pdu', readings: [aReading(4_000), aReading(6_000)] }),
        ]),
      },
    ],
    [
      'what the job that drove them did not take for proof',
      {
        fenceOrder: anOrder([saidOff()], {
          report: { atMs: nowMs - 2_000, outcome: 'failed', devices: [saidOff()] },
        }),
      },
    ],
    ['for an order of another epoch', { fenceOrder: anOrder([saidOff()], { epoch: 2 }) }],
  ]
  it.each(proofless)('%s is no proof', (_, changes) => {
    const { evidence, after } = judged(changes)
    expect(evidence).toEqual([])
    expect(after.services[web]!.grant).not.toBeNull()
  })

  it('by two feeds, each off before either is read again, is proof', () => {
    const { evidence } = judged({
      fenceDevices: [bmc, { ...bmc, name: 'pdu' }],
      fenceOrder: anOrder([
        saidOff({ readings: [aReading(1_000), aReading(5_500)] }),
        saidOff({ name: 'pdu', readings: [aReading(4_000), aReading(6_000)] }),
      ]),
    })
    expect(evidence).toHaveLength(1)
  })

  it('is not believed over the machine itself: the same boot was heard after it was read off', () => {
    const epochRequest = {
      ...{ bootId: 'n3-boot-1', sameHardware: true, planeEpoch: 1, nonce: null, found: [] },
      requestedMs: nowMs - 1_000,
    }
    const { evidence } = judged({ fenceOrder: anOrder([saidOff()]), epochRequest })
    expect(evidence).toEqual([])
  })

  it('keeps nobody waiting for the watchdog: past its deadline that is the proof, whatever the device says', () => {
    const node = revoked({ fenceOrder: anOrder([saidOff({ fault: 'dark' })]) })
    node.revocations = node.revocations.map((one) => ({
      ...{ ...one, leaseUntilMs: nowMs - 1, judgedUntilMs: nowMs - 1 },
    }))
    const { plan } = play(waiting(node))
    expect(ofKind(plan, 'evidence.recorded').map((one) => one.evidence)).toEqual([
      'watchdog-deadline',
    ])
  })
})
