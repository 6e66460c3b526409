// The operator wire: request and response bodies of /api/v1, used by the routes, the CLI and the documentation.
// Requests are strict (unknown fields are refused); responses are described, not policed.
import { z } from 'zod'
import { GroupNodes } from './group.ts'
import { ClusterName, ConfigId, NodeName, ServiceId } from './names.ts'
import { NMinusOne } from './n-minus-one.ts'
import { agentModes, nodeStates, watchdogClasses } from './node.ts'
import { DomainName } from './node-question.ts'
import { DrillResult, LastEnd, Stalls } from './node-health.ts'
import { Figures, SchedulingUpdate } from './scheduling.ts'
import { NodeAffinityRule, ResourceAffinityRule } from './rule.ts'
import { requestedStates, serviceStates } from './service.ts'
import { judgeSpec } from './specs/service-specs.ts'
import { afterFenceNames, Settings, shutdownPolicyNames } from './settings.ts'
import { text } from './text.ts'
import { profileNames, Timing } from './timing.ts'

const count = z.number().int().min(0)
const keys = <T extends string>(table: Record<T, unknown>) => Object.keys(table) as [T, ...T[]]

export const ServiceState = z.enum(keys(serviceStates))
export const NodeState = z.enum(keys(nodeStates))
/** `enabled` is an alias of `started`. */
export const RequestedState = z
  .enum([...requestedStates, 'enabled'])
  .transform((state) => (state === 'enabled' ? 'started' : state))

// ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** RFC 9457. `code` is for machines; `errors` names each field that is wrong and what would be right. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
})
export type Problem = z.infer<typeof Problem>

// ── services ─────────────────────────────────────────────────────────────────────────────────────────────────────

const comment = text(4096)
const retries = z.number().int().min(0).max(1000)
const stopTimeoutMs = z.number().int().min(0).max(3_600_000)

/** What a driver is told: judged by the type of the service, see `serviceSpecs`. */
const spec = z
  .record(z.string(), z.unknown())
  .describe('of process services: command, environment, directory; of others: nothing yet')

export const ServiceCreate = z
  .strictObject({
    sid: ServiceId,
    requested: RequestedState.default('started'),
    spec,
    group: ConfigId.nullable().default(null),
    maxRestart: retries.default(1),
    maxRelocate: retries.default(1),
    stopTimeoutMs: stopTimeoutMs.nullable().default(null),
    /** Returns to a node of a higher priority when one is available again. */
    failback: z.boolean().default(true),
    /** Automatic rebalancing may move it. */
    autoRebalance: z.boolean().default(true),
    /** What it is configured with, for static scheduling. */
    figures: Figures.nullable().default(null),
    /** Where it is now, with its disk or definition: its first start prefers that node. */
    node: NodeName.nullable().default(null),
    /** The node that it is taken over from, as `describe` tells of it: nothing is started before that node has answered. */
    adoptedFrom: NodeName.nullable().default(null),
    comment: comment.default(''),
  })
  // Also where other fields are wrong, so that one answer names them all.
  .superRefine(judgeCreated, { when: () => true })
export type ServiceCreate = z.infer<typeof ServiceCreate>

function judgeCreated(wish: { sid: string; spec: unknown }, context: z.RefinementCtx): void {
  const sid = ServiceId.safeParse(wish?.sid)
  if (!sid.success || !spec.safeParse(wish.spec).success) return
  const judged = judgeSpec(sid.data, wish.spec)
  if ('spec' in judged) wish.spec = judged.spec
  else
    for (const issue of judged.issues)
      context.addIssue({ ...issue, path: ['spec', ...issue.path] } as never)
}

export const ServiceUpdate = z.strictObject({
  requested: RequestedState.optional(),
  spec: spec.optional(),
  group: ConfigId.nullable().optional(),
  maxRestart: retries.optional(),
  maxRelocate: retries.optional(),
  stopTimeoutMs: stopTimeoutMs.nullable().optional(),
  failback: z.boolean().optional(),
  autoRebalance: z.boolean().optional(),
  figures: Figures.nullable().optional(),
  node: NodeName.nullable().optional(),
  comment: comment.optional(),
})
export type ServiceUpdate = z.infer<typeof ServiceUpdate>

export const ServiceConfigBody = z.object({
  sid: z.string(),
  requested: z.enum(requestedStates),
  spec: z.unknown(),
  group: z.string().nullable(),
  maxRestart: count,
  maxRelocate: count,
  stopTimeoutMs: count.nullable(),
  failback: z.boolean(),
  autoRebalance: z.boolean(),
  figures: Figures.nullable(),
  node: z.string().nullable(),
  adoptedFrom: z.string().nullable(),
  comment: z.string(),
  /** Also the ETag; send it back as If-Match. */
  version: count,
})
export type ServiceConfigBody = z.infer<typeof ServiceConfigBody>

/** What is to be taken over from a node, and under which name it is there; usual is that of the service. */
export const DescribeBody = z.strictObject({ sid: ServiceId, domain: DomainName.optional() })
export const DescribedBody = z.object({
  sid: z.string(),
  node: z.string(),
  name: z.string(),
  uuid: z.string(),
  /** As libvirt calls it: `running`, `paused`, `shut off`. */
  state: z.string(),
  isAutostarted: z.boolean(),
  /** For `spec`, secrets included. */
  xml: z.string(),
  warnings: z.array(z.string()),
})
export type DescribedBody = z.infer<typeof DescribedBody>

export const StopBody = z.strictObject({ timeoutMs: stopTimeoutMs.optional() })
export const MoveBody = z.strictObject({ node: NodeName })
/** When to do it: absent means now. */
export const RelocateBody = z.strictObject({
  node: NodeName,
  at: z.iso.datetime({ offset: true }).optional(),
})

export const CommandBody = z.object({
  uid: z.string(),
  kind: z.string(),
  sid: z.string().nullable(),
  node: z.string().nullable(),
  status: z.enum(['pending', 'running', 'done', 'failed', 'refused']),
  reason: z.string(),
  actor: z.string(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
})
export type CommandBody = z.infer<typeof CommandBody>

/** Of a removal: what became of the rules that named the service. */
export const RemovedBody = CommandBody.extend({
  rules: z.object({
    changed: z.array(z.string()),
    /** Nothing is left in them to keep together or apart. */
    disabled: z.array(z.string()),
    /** No service was left in them. */
    deleted: z.array(z.string()),
  }),
})
export type RemovedBody = z.infer<typeof RemovedBody>

// ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────

export const GroupCreate = z.strictObject({
  name: ConfigId,
  nodes: GroupNodes,
  restricted: z.boolean().default(false),
  nofailback: z.boolean().default(false),
  comment: comment.default(''),
})
export type GroupCreate = z.infer<typeof GroupCreate>
export const GroupUpdate = z.strictObject({
  nodes: GroupNodes.optional(),
  restricted: z.boolean().optional(),
  nofailback: z.boolean().optional(),
  comment: comment.optional(),
})
export const GroupBody = z.object({
  name: z.string(),
  nodes: z.record(z.string(), z.number()),
  restricted: z.boolean(),
  nofailback: z.boolean(),
  comment: z.string(),
  version: count,
})
export type GroupBody = z.infer<typeof GroupBody>

// ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────

const ruleDefaults = { disabled: z.boolean().default(false), comment: comment.default('') }

export const RuleCreate = z.discriminatedUnion(
  'type',
  [
    NodeAffinityRule.extend({ ...ruleDefaults, strict: z.boolean().default(false) }),
    ResourceAffinityRule.extend(ruleDefaults),
  ],
  {
    // Of what is no object there is no type to be wrong.
    error: ({ code }) =>
      code === 'invalid_union' ? 'must be node-affinity or resource-affinity' : undefined,
  },
)

/** What is named changes. `resources` and `nodes` replace the whole list; members come and go by an address of their own. */
export const RuleUpdate = z.strictObject({
  resources: ResourceAffinityRule.shape.resources.optional(),
  disabled: z.boolean().optional(),
  comment: comment.optional(),
  /** Of node affinity only. */
  nodes: GroupNodes.optional(),
  strict: z.boolean().optional(),
  /** Of resource affinity only. */
  affinity: ResourceAffinityRule.shape.affinity.optional(),
})
export type RuleUpdate = z.infer<typeof RuleUpdate>

export const RuleQuery = z.strictObject({
  type: z.enum(['node-affinity', 'resource-affinity']).optional(),
  resource: ServiceId.optional(),
})

/** Why a rule, or a group, cannot be kept: it counts for nothing, and neither do its partners in the conflict. */
export const RuleConflict = z.object({
  code: z.string(),
  message: z.string(),
  /** The service in question, where it is one. */
  resource: z.string().optional(),
  /** The others; a group g is ha-group-g. */
  rules: z.array(z.string()),
})

export const RuleBody = z.object({
  id: z.string(),
  type: RuleQuery.shape.type.unwrap(),
  order: count,
  resources: z.array(z.string()),
  nodes: z.record(z.string(), z.number()).optional(),
  strict: z.boolean().optional(),
  affinity: z.enum(['positive', 'negative']).optional(),
  disabled: z.boolean(),
  comment: z.string(),
  /** Enabled, and not ignored because of conflicts. */
  inUse: z.boolean(),
  conflicts: z.array(RuleConflict),
  version: count,
})
export type RuleBody = z.infer<typeof RuleBody>

// ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const MaintenanceBody = z.strictObject({ enabled: z.boolean() })
/** A person vouches that the machine is dead: type its name again. `force`: before its fence deadline. */
export const FenceConfirmBody = z.strictObject({
  typedName: z.string(),
  force: z.boolean().default(false),
})

/** `freeze`: services are left as they are. `ignore`: as if nothing were managed. */
export const DisarmBody = z.strictObject({ mode: z.enum(['freeze', 'ignore']) })

// ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const SettingsUpdate = z.strictObject({
  profile: z.enum(profileNames).optional(),
  timing: Timing.partial().optional(),
  quorum: z.enum(['plane', 'majority']).optional(),
  database: z.enum(['single', 'synchronous', 'fenced-async']).optional(),
  maxWorkers: z.number().int().min(1).max(64).optional(),
  onLeaseLoss: z.enum(['gentle', 'reset']).optional(),
  trustVirtualWatchdog: z.boolean().optional(),
  /** null: twice silentMs. */
  fenceDelayMs: z.number().int().min(1).max(86_400_000).nullable().optional(),
  afterFence: z.enum(afterFenceNames).optional(),
  scheduling: SchedulingUpdate.optional(),
  shutdownPolicy: z.enum(shutdownPolicyNames).optional(),
  drillEveryDays: z.number().int().min(0).max(3_650).optional(),
})
export const SettingsBody = z.object({
  settings: Settings,
  version: count,
  /** The two numbers every timing decides. */
  outageSurvivedMs: z.number(),
  powerLossToStartMs: z.number(),
  warnings: z.array(z.string()),
})

// ── import ───────────────────────────────────────────────────────────────────────────────────────────────────────

const file = z
  .string()
  .max(1024 * 1024)
  .optional()

/** The texts of an older manager's files, as they are. */
export const ImportRequest = z.strictObject({
  files: z
    .strictObject({
      'resources.cfg': file,
      'groups.cfg': file,
      'rules.cfg': file,
      'datacenter.cfg': file,
      manager_status: file,
    })
    .refine((files) => Object.values(files).some((text) => text !== undefined), {
      error: 'must hold at least one file',
    }),
  /** `ignored`: nothing is started, whatever was requested there. `keep`: as it was requested there. */
  requested: z.enum(['ignored', 'keep']).default('ignored'),
})

export const ImportBody = z.object({
  groups: z.array(z.string()),
  services: z.array(
    z.object({
      sid: z.string(),
      requested: z.enum(requestedStates),
      node: z.string().nullable(),
      /** How it was under the old manager, as far as its files say. */
      there: z.object({
        requested: z.enum(requestedStates),
        state: z.string().nullable(),
        node: z.string().nullable(),
      }),
    }),
  ),
  rules: z.array(z.object({ id: z.string(), disabled: z.boolean() })),
  /** The settings that change, with their new values. */
  settings: z.record(z.string(), z.unknown()),
  /** What has no equal here, and what was done about it. */
  notes: z.array(
    z.object({ file: z.string(), line: count, about: z.string(), message: z.string() }),
  ),
})
export type ImportBody = z.infer<typeof ImportBody>

// ── status ───────────────────────────────────────────────────────────────────────────────────────────────────────

export const StatusNode = z.object({
  name: z.string(),
  uid: z.string(),
  state: NodeState,
  /** Until the fence deadline; null before a first lease; negative once it has passed. */
  leaseRemainingMs: z.number().nullable(),
  mode: z.enum(agentModes),
  lrmState: z.string(),
  epoch: count,
  watchdog: z.object({
    class: z.enum(watchdogClasses),
    identity: z.string(),
    effectiveMs: z.number(),
    armed: z.boolean(),
    /** Whether its silence would be proof now. */
    protects: z.boolean(),
    /** Why its silence can never be proof; null: it can. */
    cannotProtect: z.string().nullable().optional(),
    /** Why it should be drilled; null: it need not be. */
    drillDue: z.string().nullable().optional(),
    /** What its last drill found; null: there was none. */
    lastDrill: DrillResult.nullable().optional(),
  }),
  /** What can switch it off: all of its feeds. */
  fenceDevices: z
    .array(
      z.object({
        name: z.string(),
        kind: z.string(),
        /** Why it cannot be relied on now, as far as it was asked while the node lived; '': it can, or was not asked yet. */
        doubt: z.string(),
        checkedMsAgo: z.number().nullable(),
      }),
    )
    .optional(),
  /** The last time that it was to be switched off, and what came of it. */
  fenceOrder: z
    .object({
      epoch: count,
      attempt: count,
      orderedMsAgo: z.number(),
      /** null: nothing is reported yet. */
      outcome: z.enum(['off', 'failed']).nullable(),
      why: z.string(),
    })
    .nullable()
    .optional(),
  /** How the life of its machine or agent before this one ended; null: in order, or it is not known. */
  lastEnd: LastEnd.nullable().optional(),
  /** How late its agent was in about the last hour; null: it does not say. */
  stalls: Stalls.nullable().optional(),
  /** What a person should see to. */
  warnings: z.array(z.string()).optional(),
  services: count,
  /** Of these, and of those on their way here, how many give it something to do. */
  activeServices: count,
  virtual: z.boolean(),
  maintenanceRequested: z.boolean(),
  note: z.string(),
})

export const StatusService = z.object({
  sid: z.string(),
  requested: z.enum(requestedStates).nullable(),
  /** As people are told: the stored state, or deleting, queued, starting, stopping, disabled, ignored, … */
  state: z.string(),
  /** The CRM's stored state. */
  crmState: z.string().nullable(),
  node: z.string().nullable(),
  target: z.string().nullable(),
  running: z.boolean(),
  generation: count.nullable(),
  failedNodes: z.array(z.string()),
  /** Where it returns to after a maintenance. */
  fallbackNode: z.string().nullable(),
  note: z.string(),
})

export const StatusJob = z.object({
  job: z.string(),
  about: z.string(),
  startAfter: z.string(),
})

/** Work that comes again and again, for all clusters; the times of `cron` are UTC. */
export const StatusSchedule = z.object({ job: z.string(), cron: z.string() })

export const Status = z.object({
  cluster: z.object({ name: z.string(), uuid: z.string(), development: z.boolean() }),
  quorum: z.object({ quorate: z.boolean(), policy: z.string(), reporting: count, nodes: count }),
  crm: z.object({
    replica: z.string().nullable(),
    round: count,
    lastRoundMsAgo: z.number().nullable(),
    planeEpoch: count,
    quarantine: z.string().nullable(),
  }),
  fencing: z.object({
    /** `standby`: armed, and no node runs anything that would be fenced for. */
    state: z.enum(['armed', 'standby', 'disarming', 'disarmed']),
    /** While it is not armed. */
    mode: z.enum(['freeze', 'ignore']).nullable(),
    /** What disarming or arming waits for; '' for nothing. */
    waitsFor: z.string(),
  }),
  profile: z.string(),
  nodes: z.array(StatusNode),
  services: z.array(StatusService),
  /** Rules and groups that count for nothing because of conflicts, by what people call them. */
  ignoredRules: z.array(z.object({ rule: z.string(), message: z.string() })),
  /** What would run nowhere if any one node died now. */
  nMinusOne: NMinusOne,
  jobs: z.array(StatusJob),
  schedules: z.array(StatusSchedule),
  replicas: z.array(z.object({ name: z.string(), url: z.string(), seenMsAgo: z.number() })),
})
export type Status = z.infer<typeof Status>

export const EventBody = z.object({
  id: count,
  at: z.string(),
  round: count.nullable(),
  kind: z.string(),
  sid: z.string().nullable(),
  node: z.string().nullable(),
  line: z.string(),
  why: z.string(),
})
export type EventBody = z.infer<typeof EventBody>

/** The story of one service or node: where it stands, what it waits for, and how it came there, oldest first. */
export const WhyBody = z.object({
  subject: z.string(),
  now: z.string(),
  waitsFor: z.string(),
  story: z.array(z.object({ at: z.string(), line: z.string() })),
  evidence: z.array(
    z.object({
      kind: z.string(),
      node: z.string(),
      epoch: count,
      generation: count.nullable(),
      decidedAt: z.string(),
      facts: z.record(z.string(), z.unknown()),
    }),
  ),
})

// ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────

export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]
const label = text(100).min(1)
const ttlSeconds = z
  .number()
  .int()
  .min(1)
  .max(10 * 365 * 86_400)

export const TokenCreate = z.strictObject({
  name: label,
  role: z.enum(roles),
  /** Absent: every cluster (admins of all clusters only). */
  cluster: ClusterName.optional(),
  ttlSeconds: ttlSeconds.optional(),
})
/** `secret` is shown once. */
export const TokenCreated = z.object({ id: z.string(), secret: z.string() })
export const JoinTokenCreate = z.strictObject({
  node: NodeName.optional(),
  uses: z.number().int().min(1).max(10_000).default(1),
  ttlSeconds: ttlSeconds.default(3600),
})
