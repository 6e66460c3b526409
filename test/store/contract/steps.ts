// What may be done to a store, as data that fast-check draws and shrinks.
import fc from 'fast-check'

export const names = ['n1', 'n2', 'n3']
export const sids = ['process:a', 'process:b', 'process:c', 'process:d']
const node = fc.nat(2)
const boot = fc.constantFrom(0, 0, 0, 1)
const plane = fc.constantFrom('current', 'current', 'current', 'old', 'later', 'other')

const renewal = fc.record({
  what: fc.constantFrom('renew', 'renew', 'renew', 'release'),
  node,
  boot,
  plane,
  seq: fc.constantFrom(1, 1, 1, 0, 5),
  epoch: fc.constantFrom(0, 0, 0, 0, -1, 1, 2_000_000),
  armed: fc.boolean(),
  confirms: fc.boolean(),
  runs: fc.constantFrom('granted', 'nothing', 'unknown'),
  closes: fc.boolean(),
  known: fc.boolean(),
  mode: fc.constantFrom('active', 'active', 'restart', 'disarm'),
})

const steps = {
  advance: fc.record({
    what: fc.constant('advance'),
    ms: fc.constantFrom(1, 100, 3_000, 9_500, 30_000, 62_000),
  }),
  join: fc.record({
    what: fc.constant('join'),
    node,
    token: fc.constantFrom('good', 'bad', 'used'),
  }),
  ask: fc.record({
    what: fc.constant('ask'),
    node,
    boot,
    plane,
    nonce: fc.constantFrom('none', 'current', 'wrong'),
    finds: fc.constantFrom('granted', 'nothing', 'unknown'),
    isLate: fc.boolean(),
    isSame: fc.constantFrom(true, true, true, false),
  }),
  desired: fc.record({ what: fc.constant('desired'), node, isKnown: fc.boolean() }),
  renewal,
  round: fc.record({
    what: fc.constant('round'),
    isStale: fc.constantFrom(false, false, false, true),
    between: fc.option(renewal, { freq: 4 }),
  }),
  service: fc.record({
    what: fc.constantFrom('add', 'remove', 'request', 'command'),
    sid: fc.nat(2),
    node,
    requested: fc.constantFrom('started', 'started', 'stopped', 'disabled', 'ignored'),
    kind: fc.constantFrom('enable', 'disable', 'restart', 'relocate', 'stop'),
    group: fc.boolean(),
    /** Taken over from `node`. */
    adopts: fc.boolean(),
  }),
  fence: fc.record({
    what: fc.constantFrom('device', 'device', 'undevice', 'carryOut', 'carryOut', 'carryOut'),
    node,
    /** One of two devices, or its report. */
    feed: fc.nat(1),
    reads: fc.constantFrom('off', 'off', 'off', 'on', 'other'),
    isLate: fc.constantFrom(false, false, false, true),
  }),
  site: fc.record({
    what: fc.constantFrom(
      'maintenance',
      'removeNode',
      'confirmDead',
      'group',
      'rule',
      'settings',
      'usage',
      'server',
    ),
    node,
    sid: fc.nat(2),
    flag: fc.boolean(),
    which: fc.constantFrom('restarted', 'promoted', 'replaced'),
  }),
}

export const step = fc.oneof(
  { arbitrary: steps.round, weight: 6 },
  { arbitrary: steps.renewal, weight: 6 },
  { arbitrary: steps.ask, weight: 5 },
  { arbitrary: steps.advance, weight: 3 },
  { arbitrary: steps.service, weight: 3 },
  { arbitrary: steps.fence, weight: 3 },
  { arbitrary: steps.desired, weight: 1 },
  { arbitrary: steps.join, weight: 1 },
  { arbitrary: steps.site, weight: 1 },
)
export type Of<K extends keyof typeof steps> =
  (typeof steps)[K] extends fc.Arbitrary<infer T> ? T : never
export type Step = { [K in keyof typeof steps]: Of<K> }[keyof typeof steps]

/** A round that nothing comes in between of. */
export const round: Step = { what: 'round', isStale: false, between: null }

/** The first boot of a node asks for its epoch. */
export const asksEpoch = (node: number, nonce: 'none' | 'current'): Step => ({
  ...{ what: 'ask', node, boot: 0, plane: 'current', nonce, finds: 'nothing' },
  ...{ isLate: false, isSame: true },
})

/** It renews, armed, and asks for the confirms of all that it is granted. */
export const renews = (node: number): Step => ({
  ...{ what: 'renew', node, boot: 0, plane: 'current', seq: 1, epoch: 0, armed: true },
  ...{ confirms: true, runs: 'granted', closes: false, known: false, mode: 'active' },
})
