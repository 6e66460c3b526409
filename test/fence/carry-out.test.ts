// Carrying an order out: who is commanded, what is read, and that it ends in time whatever the devices do.
import { describe, expect, it } from 'vitest'
import { doubtAboutReport } from '../../control-plane/cluster/fence-proof.ts'
import { FenceFault } from '../../control-plane/fence/fence-device.ts'
import { drive } from './scripted-device.ts'

const needs = { gapMs: 1_000, canMove: false }
/** Longer ago the CRM takes an order for lost (crm/decide/fence-devices.ts). */
const lostAfterMs = 90_000

describe('an order', () => {
  it('that is carried out reads off twice, a second apart, after the command', async () => {
    const { said, views, devices, atMs } = await drive([{ looks: ['on', 'on', 'changing', 'off'] }])
    expect(doubtAboutReport(views, { devices: said! }, needs)).toBeNull()
    expect(said![0]).toMatchObject({ before: 'on', fault: '' })
    expect(said![0]!.readings.map(({ state }) => state)).toEqual(['on', 'changing', 'off', 'off'])
    expect(devices[0]!.commandedAtMs).toHaveLength(1)
    expect(atMs).toBeLessThan(5_000)
  })

  it('that is over when its turn comes commands nothing', async () => {
    const { said, devices } = await drive([{ looks: ['on'] }], { isInForce: () => false })
    expect(said).toBeNull()
    expect(devices[0]!.commandedAtMs).toEqual([])
  })

  it('that grew old between the last look at it and the command is not sent (M15)', async () => {
    const { said, devices } = await drive([{ looks: ['on'] }], {
      // The process stands still for longer than an order stays fresh, just as it has asked.
      isInForce: () => true,
      before: (process) => {
        const bootMs = process.clock.bootMs.bind(process.clock)
        let lagMs = 10_000
        process.clock.bootMs = () => {
          const ms = bootMs() - lagMs
          lagMs = 0
          return ms
        }
      },
    })
    expect(devices[0]!.commandedAtMs).toEqual([])
    expect(said![0]!.fault).toContain('too old')
  })

  it('to a device that speaks of another machine is not given to it, nor to the other feeds', async () => {
    const says = '99999999-2222-4333-8444-555555555555'
    const { said, devices, views } = await drive([{ looks: ['on'] }, { looks: ['on'], says }])
    expect(devices.map((device) => device.commandedAtMs.length)).toEqual([0, 0])
    expect(said![1]!.fault).toContain('it speaks of another machine')
    expect(doubtAboutReport(views, { devices: said! }, needs)).toContain('another machine')
  })

  it('is not given to one feed while the other cannot be reached', async () => {
    const gone = new FenceFault('no route')
    const { said, devices } = await drive([{ looks: ['on'] }, { looks: [gone] }])
    expect(devices.map((device) => device.commandedAtMs.length)).toEqual([0, 0])
    expect(said!.map(({ fault }) => fault)).toEqual(['', 'no route'])
  })

  it('to two feeds is proof only with every first reading before every second one', async () => {
    const { said, views } = await drive([
      { looks: ['on', 'off'] },
      { looks: ['on', 'on', 'on', 'on', 'off'], answersMs: 300 },
    ])
    expect(doubtAboutReport(views, { devices: said! }, needs)).toBeNull()
    const [first, second] = said!.map(({ readings }) => readings.slice(-2))
    expect(first![1]!.askedMs).toBeGreaterThan(second![0]!.answeredMs)
    expect(second![1]!.askedMs).toBeGreaterThan(first![0]!.answeredMs)
  })

  it('to a machine that is off already is given all the same, and may be refused', async () => {
    const { said, views } = await drive([{ looks: ['off'], command: 'refused' }])
    expect(doubtAboutReport(views, { devices: said! }, needs)).toBeNull()
    expect(doubtAboutReport(views, { devices: said! }, { ...needs, canMove: true })).toContain(
      'gone elsewhere',
    )
  })

  it('whose earlier attempt found a virtual machine on counts it as switched off here', async () => {
    const { said, views } = await drive([{ looks: ['off'] }], { wasOn: true })
    expect(doubtAboutReport(views, { devices: said! }, { ...needs, canMove: true })).toBeNull()
  })

  it('whose command got no answer and worked is proof, if off is off of the machine itself', async () => {
    const script = {
      looks: ['on' as const, 'on' as const, 'off' as const],
      command: 'unanswered' as const,
    }
    const { said, views, atMs } = await drive([script])
    expect(doubtAboutReport(views, { devices: said! }, { ...needs, canMove: true })).toBeNull()
    expect(said![0]).toMatchObject({ before: 'on', fault: '' })
    expect(atMs).toBeLessThan(20_000)
    const left = await drive([{ ...script, looks: ['on', 'on', 'off'] }], { isTrueOff: false })
    expect(left.said![0]).toMatchObject({
      commandedMs: null,
      fault: 'it does not answer within 15 s',
    })
  })

  it.each([
    [
      'never answers',
      [{ looks: ['on' as const], answersMs: 1_000_000 }],
      'does not answer within 10 s',
    ],
    [
      'does not take the command',
      [{ looks: ['on' as const], command: 'unanswered' as const }],
      'does not answer within 15 s',
    ],
    [
      'refuses the command',
      [{ looks: ['on' as const], command: 'refused' as const }],
      'it cannot be reached (ECONNREFUSED)',
    ],
    ['stays on', [{ looks: ['on' as const] }], 'it still says on 30 s after the command'],
    ['is slow and stays on', [{ looks: ['on' as const], answersMs: 9_000 }], 'it still says on'],
    ['goes off and on again', [{ looks: ['on' as const, 'off' as const, 'on' as const] }], ''],
  ])('to a device that %s ends in time and is no proof', async (_, scripts, fault) => {
    const { said, views, atMs } = await drive(scripts)
    expect(said![0]!.fault).toContain(fault)
    expect(doubtAboutReport(views, { devices: said! }, needs)).not.toBeNull()
    expect(atMs).toBeLessThan(lostAfterMs)
  })
})
