// The agent wire: every message between agent and plane, parsed by both sides. Unknown fields are refused.
// Authentication is a bearer credential given at the join; a node speaks for itself and in its own cluster only.
import { z } from 'zod'
import { MoveHalf, MoveProgress } from './live-move.ts'
import { NodeName, ServiceId, serviceTypes } from './names.ts'
import { agentModes, Capacity, lrmStates, WatchdogInfo } from './node.ts'
import { NodeHealth } from './node-health.ts'
import { foundStates, outcomes } from './outcome.ts'
import { NodeUsage } from './scheduling.ts'
import { orderStates } from './service.ts'
import { shutdownPolicyNames } from './settings.ts'
import { Timing } from './timing.ts'

const count = z.number().int().min(0)
const Uid = z.string().min(1).max(100)
const BootId = z.string().min(8).max(100)
const HardwareId = z.string().min(4).max(200)
/** Nobody runs more than this on one node; it bounds every list on the wire. */
const manyServices = 10_000

/** Far more histories than any database has; it keeps the numbers made from it exact. */
export const mostPlaneEpochs = 1_000_000_000

export const PlaneEpochWire = z.strictObject({
  number: count.max(mostPlaneEpochs),
  uuid: z.uuid(),
})

export const ServiceGeneration = z.strictObject({ sid: ServiceId, generation: count })
export type ServiceGeneration = z.infer<typeof ServiceGeneration>

/**
 * One service as the drivers of a node find it. `stable`: it has been running for `stableMs`.
 * `migrating`: the source's half of a live move, `incoming`: the target's, which may come alive at any moment.
 */
export const RunningService = z.strictObject({
  sid: ServiceId,
  generation: count,
  state: z.enum(['starting', 'running', 'stopping', 'unknown', 'migrating', 'incoming']),
  stable: z.boolean(),
  /** Of `incoming`, once the grant is confirmed and its driver listens: where. The source may begin with this only. */
  address: z.string().max(500).optional(),
  /** Of `migrating`. */
  progress: MoveProgress.optional(),
  /** Of `migrating`: it was sent off, and nothing is done with it here but to end what is left. The target may take it up. */
  sent: z.literal(true).optional(),
  /** Of `migrating`, after `sent`: why what is left could not be ended yet, which is tried again. */
  doubt: z.string().max(1000).optional(),
})
export type RunningService = z.infer<typeof RunningService>

/** The answer to one order, by its uid. Repeated until the order is gone; a second one changes nothing. */
export const OrderResult = z.strictObject({
  uid: Uid,
  sid: ServiceId,
  outcome: z.enum(outcomes),
  detail: z.string().max(1000).optional(),
})
export type OrderResult = z.infer<typeof OrderResult>

const nodeFacts = {
  capacity: Capacity,
  watchdog: WatchdogInfo,
  /** A hypervisor was found: its watchdog can be frozen together with the machine. */
  virtual: z.boolean(),
  drivers: z.array(z.enum(serviceTypes)).max(serviceTypes.length),
  agentVersion: z.string().max(100),
}

// ── join: once in a node's life ──────────────────────────────────────────────────────────────────────────────────

export const JoinRequest = z.strictObject({
  joinToken: z.string().min(10).max(200),
  node: NodeName,
  hardwareId: HardwareId,
  bootId: BootId,
  ...nodeFacts,
})
export type JoinRequest = z.infer<typeof JoinRequest>

export const JoinAnswer = z.strictObject({
  nodeUid: z.uuid(),
  credential: z.string(),
  cluster: z.string(),
  clusterUuid: z.uuid(),
  timing: Timing,
})
export type JoinAnswer = z.infer<typeof JoinAnswer>

// ── epoch: for every new agent process without a usable lease, and after every fence ─────────────────────────────

/**
 * Asks for a new lease epoch. The first request of a process carries `nonce: null`; the answer is a challenge. The second
 * quotes its nonce and says what the drivers find *since the challenge*: everything that bears a mark, and an answer to each question.
 */
export const EpochRequest = z.strictObject({
  clusterUuid: z.uuid(),
  nodeUid: z.uuid(),
  bootId: BootId,
  hardwareId: HardwareId,
  /** CLOCK_BOOTTIME of the sending: a request that was overtaken by a later one of its boot is dropped. */
  sentMs: z.number().min(0),
  planeEpoch: PlaneEpochWire.nullable(),
  nonce: Uid.nullable(),
  found: z
    .array(z.strictObject({ sid: ServiceId, generation: count, state: z.enum(foundStates) }))
    .max(manyServices),
  ...nodeFacts,
})
export type EpochRequest = z.infer<typeof EpochRequest>

export const EpochAnswer = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('challenge'),
    nonce: Uid,
    questions: z.array(ServiceGeneration),
    planeEpoch: PlaneEpochWire,
  }),
  /** Nothing to do but ask again; `why` says what is waited for. */
  z.strictObject({
    status: z.literal('settling'),
    why: z.string(),
    planeEpoch: PlaneEpochWire,
  }),
  z.strictObject({
    status: z.literal('joined'),
    epoch: count,
    planeEpoch: PlaneEpochWire,
    timing: Timing,
  }),
])
export type EpochAnswer = z.infer<typeof EpochAnswer>

// ── lease: every renewMs, and at once when there is something to confirm or to report ────────────────────────────

export const LeaseRequest = z.strictObject({
  clusterUuid: z.uuid(),
  nodeUid: z.uuid(),
  epoch: count,
  bootId: BootId,
  /** Grows with every request of this epoch; the answer repeats it. */
  seq: z.number().int().min(1),
  planeEpoch: PlaneEpochWire,
  /** The watchdog's countdown is running now. */
  armed: z.boolean(),
  /** Asks leave to close the watchdog although services run (planned stop of the agent); sent with `armed: false`. */
  release: z.boolean(),
  /** Revision of the desired state this agent now obeys. */
  revision: count,
  lrmState: z.enum(lrmStates),
  mode: z.enum(agentModes),
  /** Everything the drivers find on the host, ordered or not. */
  running: z.array(RunningService).max(manyServices),
  /** Journaled as ended for good on this node, for generations the desired state still names. */
  closed: z.array(ServiceGeneration).max(manyServices),
  /** Grants about to be used: to be read back in `confirmed` before anything is started. */
  confirms: z.array(ServiceGeneration).max(manyServices),
  results: z.array(OrderResult).max(manyServices),
  /** With every few renewals. Counts as no news, and changes no report. */
  usage: NodeUsage.optional(),
  /** Now and then, and as soon as there is anything new. Counts as no news either. */
  health: NodeHealth.optional(),
})
export type LeaseRequest = z.infer<typeof LeaseRequest>

export const LeaseAnswer = z.strictObject({
  epoch: count,
  seq: count,
  leaseMs: count,
  planeEpoch: PlaneEpochWire,
  /** Newest revision of this node's desired state. */
  revision: count,
  confirmed: z.array(ServiceGeneration),
  released: z.boolean(),
  /** The watchdog's silence proves nothing in this epoch any more: whoever wants protection asks for a new one. */
  unguarded: z.boolean(),
  serverTimeMs: z.number(),
})
export type LeaseAnswer = z.infer<typeof LeaseAnswer>

/**
 * Why an agent request was not granted.
 * `fenced` (409): the database's epoch is higher; stop everything, then ask for a new epoch.
 * `stale` (409): a newer request of this epoch was already answered; forget this one.
 * `plane-epoch` (503): the history changed; take the new plane epoch from the answer and renew again, which attests.
 * `release-refused` (409): services that are not frozen run here; nothing was committed.
 * `not-quorate`, `regressed`, `busy` (503): nothing was granted; try again, at another replica too.
 */
export const agentRefusals = [
  'fenced',
  'stale',
  'release-refused',
  'plane-epoch',
  'not-quorate',
  'regressed',
  'busy',
] as const

export const AgentProblem = z.object({
  code: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string().optional(),
  planeEpoch: PlaneEpochWire.optional(),
  epoch: count.optional(),
})
export type AgentProblem = z.infer<typeof AgentProblem>

// ── desired state: a long poll ───────────────────────────────────────────────────────────────────────────────────

export const Order = z.strictObject({
  sid: ServiceId,
  /** `ignored`: held by a grant, no longer managed; leave it as it is, but it still counts as running. */
  state: z.enum([...orderStates, 'ignored']),
  /** The command uid; answered once, in `results`. */
  uid: Uid,
  /** Generation of the grant this node holds for the service, or null when it holds none. */
  generation: count.nullable(),
  /** Target node's name, in moves. */
  target: z.string().optional(),
  /** In `migrate`. */
  move: MoveHalf.optional(),
  /** Another node may have a half of it, or says that it runs it: what runs, runs on, but nothing is started. */
  shared: z.literal(true).optional(),
  stopTimeoutMs: count,
  /** In `started`: stop and start again on this node once (the `restart` operation), under this same uid. */
  restart: z.boolean(),
  maxRestart: count,
  /** What is found running here under this generation is adopted: it counts as `generation` from now on. */
  foundAs: count.optional(),
  /** Driver parameters; null for a removed service. */
  spec: z.unknown(),
})
export type Order = z.infer<typeof Order>

export const Desired = z.strictObject({
  clusterUuid: z.uuid(),
  nodeUid: z.uuid(),
  planeEpoch: PlaneEpochWire,
  revision: count,
  mode: z.enum(['active', 'maintenance', 'disarm']),
  timing: Timing,
  maxWorkers: count,
  onLeaseLoss: z.enum(['gentle', 'reset']),
  shutdownPolicy: z.enum(shutdownPolicyNames),
  services: z.array(Order).max(manyServices),
  /**
   * Services of which it is not known where they run: a renewal that names this revision attests whether they run here.
   * A copy of one that has no order is left as it is: it may be adopted.
   */
  probes: z.array(ServiceId).max(manyServices),
  /** Of those of them that a host can tell without a mark, whoever has started them: by what. */
  probeSpecs: z.record(ServiceId, z.unknown()).optional(),
  /**
   * Empty as it is, it is to leave its watchdog unfed until that fires, once for this uid. Told only to an agent that has
   * sent `health`: an older one knows no drills.
   */
  drill: z.strictObject({ uid: Uid }).optional(),
})
export type Desired = z.infer<typeof Desired>

/**
 * Of an answer to the desired state: the digest of the managed services. Agents that know it obey a revision only once the
 * start gates of these services are in place; to others, and without it, nothing is different.
 */
export const managedHeader = 'holdfast-managed'
/** The digest of none. */
export const noManaged = 'none'

/**
 * All services of the cluster that somebody else than its agents could start on this node, whoever is to run them: by what
 * a host can tell them.
 */
export const ManagedServices = z.strictObject({
  digest: z.string().max(100),
  services: z.array(z.strictObject({ sid: ServiceId, spec: z.unknown() })).max(manyServices),
})
export type ManagedServices = z.infer<typeof ManagedServices>

export const DesiredQuery = z.strictObject({
  planeEpoch: z.coerce.number().int().min(0).default(0),
  revision: z.coerce.number().int().min(0).default(0),
  waitMs: z.coerce.number().int().min(0).max(60_000).default(25_000),
})
