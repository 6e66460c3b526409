// A node in the middle of asking for a new lease epoch: what it says, and the view in which it was challenged. Data only.
import type { EpochRequestView } from '../../control-plane/cluster/node-words.ts'
import { aNode, aService, buildView, leaseFrom, nowMs } from './build-view.ts'

export const web = 'process:web'
export const db = 'process:db'

export const request = (changes: Partial<EpochRequestView> = {}): EpochRequestView => ({
  bootId: 'n3-boot-1',
  sameHardware: true,
  planeEpoch: 1,
  nonce: null,
  found: [],
  requestedMs: nowMs,
  ...changes,
})

/** n3 after it asked and was challenged: epoch 3 is revoked, epoch 4 allotted. */
export function challenged(changes: Partial<EpochRequestView>, guarded: boolean | null = true) {
  const bootId = changes.bootId ?? 'n3-boot-1'
  const until = leaseFrom(nowMs - 5_000)
  const n3 = aNode('n3', {
    state: 'unknown',
    lease: {
      epoch: 4,
      bootId: null,
      guarded: null,
      armed: false,
      judgedUntilMs: until,
      leaseUntilMs: until,
    },
    revocations: [
      {
        epoch: 3,
        bootId: 'n3-boot-1',
        leaseUntilMs: until,
        judgedUntilMs: until,
        guarded,
        revokedMs: nowMs - 100,
      },
    ],
    challenge: {
      epoch: 4,
      bootId,
      nonce: 'q',
      questions: [{ sid: web, generation: 1 }],
      waitsFor: '',
    },
    epochRequest: request({ nonce: 'q', ...changes }),
  })
  return buildView({ nodes: [aNode('n1'), aNode('n2'), n3], services: [aService(web, 'n3')] })
}

export const found = (state: 'running' | 'stopped' | 'unknown', generation = 1) => [
  { sid: web, generation, state },
]
