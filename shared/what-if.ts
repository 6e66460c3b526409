// The operator wire of what-if: what is supposed, and what the CRM would then do. Used by the route, the tool and tests.
import { z } from 'zod'
import { ConfigId, NodeName, ServiceId } from './names.ts'
import { requestedStates } from './service.ts'

const nodes = (what: string) =>
  z
    .array(NodeName, { error: `${what} must be a list of node names` })
    .max(1_000)
    .default([])

/** Fields of a service that are not named stay as they are; an unknown service is one that is added. */
export const SupposedService = z.strictObject({
  sid: ServiceId,
  requested: z.enum(requestedStates).optional(),
  group: ConfigId.nullable().optional(),
  removed: z.boolean().optional(),
})

export const WhatIf = z.strictObject({
  /** Nodes that lose their power now. */
  down: nodes('down'),
  /** Nodes that are put into maintenance. */
  maintenance: nodes('maintenance'),
  /** Nodes that are in service again: out of maintenance, and booted anew where they do not renew. */
  back: nodes('back'),
  services: z.array(SupposedService).max(10_000).default([]),
  /** Where nothing proves that a node is dead, a person confirms it. */
  confirmed: z.boolean().default(false),
})
export type WhatIf = z.infer<typeof WhatIf>

const name = z.string()
const whole = z.number()
/** It would come so without the hypothesis as well: something else is under way already. */
const anyway = z.boolean()

export const WhatIfBody = z.object({
  /** false: it had not come to rest after as many rounds as are played. */
  settled: z.boolean(),
  rounds: whole,
  /** When the last change would be made, from now. */
  settledInMs: whole,
  moves: z.array(
    z.object({
      sid: name,
      /** null: it runs nowhere now. */
      from: name.nullable(),
      to: name,
      /** It runs on while it moves. */
      live: z.boolean(),
      /** Until its start is ordered there, if every stop is quick. */
      startsInMs: whole,
      /** The same, if its stop or its live move takes as long as it may. */
      atMostMs: whole,
      why: name,
      anyway,
    }),
  ),
  /** What should run and would run nowhere. */
  nowhere: z.array(z.object({ sid: name, from: name.nullable(), state: name, why: name, anyway })),
  /** What would be stopped because it is no longer wanted. */
  stops: z.array(z.object({ sid: name, from: name, why: name, anyway })),
  /** How many services stay where they are. */
  stays: whole,
  nodes: z.array(
    z.object({
      node: name,
      stateNow: name,
      stateThen: name,
      servicesNow: whole,
      servicesThen: whole,
      note: name,
    }),
  ),
  story: z.array(z.object({ inMs: whole, line: name })),
})
export type WhatIfBody = z.infer<typeof WhatIfBody>
