// A recorded scenario as its file has it: what was given, what was commanded and when. What was observed is not read here:
// a harness that knew the answer would prove nothing.
import { z } from 'zod'

const power = z.enum(['on', 'off'])
const Stats = z.record(z.string(), z.record(z.string(), z.number()))

const Rule = z.object({
  id: z.string(),
  type: z.enum(['node-affinity', 'resource-affinity']),
  resources: z.array(z.string()),
  nodes: z.array(z.object({ node: z.string(), priority: z.number() })).optional(),
  strict: z.boolean().optional(),
  affinity: z.enum(['positive', 'negative']).optional(),
  disable: z.boolean().optional(),
})

const Group = z.object({
  id: z.string(),
  nodes: z.array(z.object({ node: z.string(), priority: z.number() })),
  restricted: z.boolean(),
  nofailback: z.boolean(),
})

const Fault = z.object({
  start_failures_before_success: z.number(),
  move_failures_before_success: z.number(),
  stop_always_fails: z.boolean(),
  only_on_node: z.string().nullable(),
})

const flag = z.coerce.number()

export const ScenarioFile = z.object({
  name: z.string(),
  inputs: z.object({
    nodes: z.record(
      z.string(),
      z.object({
        power,
        network: power,
        maxcpu: z.number().optional(),
        maxmem: z.number().optional(),
        cpu: z.number().optional(),
        mem: z.number().optional(),
      }),
    ),
    services_effective: z.record(
      z.string(),
      z.object({
        node: z.string(),
        state: z.string(),
        failback: flag.default(1),
        max_restart: flag.default(1),
        max_relocate: flag.default(1),
        group: z.string().optional(),
      }),
    ),
    rules: z.array(Rule).nullable(),
    groups: z.array(Group).nullable(),
    datacenter: z.record(z.string(), z.record(z.string(), z.unknown())).nullable(),
    static_stats: Stats.nullable(),
    dynamic_stats: Stats.nullable(),
    manager_status: z
      .object({
        node_status: z.record(z.string(), z.string()).optional(),
        service_status: z
          .record(
            z.string(),
            z.object({
              state: z.string(),
              node: z.string(),
              target: z.string().optional(),
              running: z.number().optional(),
              maintenance_node: z.string().optional(),
              failed_nodes: z.array(z.string()).optional(),
            }),
          )
          .optional(),
      })
      .nullable(),
    faults: z.record(z.string(), Fault),
  }),
  schedule: z.array(z.object({ t: z.number(), cmd: z.string() })),
  endAtSeconds: z.number(),
})
export type ScenarioFile = z.infer<typeof ScenarioFile>
export type ScenarioFault = z.infer<typeof Fault>
