// What a node says of itself and what it is asked, as parts of a ClusterView. Facts from outside: they are compared with
// what the plane knows, and never taken for it. Data only.
import type { FoundState } from '../../shared/outcome.ts'
import type { OrderResult, RunningService, ServiceGeneration } from '../../shared/protocol.ts'
import type { Sid } from './view.ts'

/** What the node last said under a granted lease. Facts about `epoch` and `bootId` only. */
export type ReportView = {
  epoch: number
  bootId: string
  seq: number
  running: RunningService[]
  closed: ServiceGeneration[]
  results: OrderResult[]
}

export type EpochRequestView = {
  bootId: string
  sameHardware: boolean
  planeEpoch: number
  nonce: string | null
  found: { sid: Sid; generation: number; state: FoundState }[]
  requestedMs: number
}

export type ChallengeView = {
  epoch: number
  bootId: string
  nonce: string
  questions: ServiceGeneration[]
  waitsFor: string
}
