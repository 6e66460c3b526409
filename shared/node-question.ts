// What the plane asks of a node's host for an operator, and the agent's answer: beside all orders, and no part of any decision.
// A question is told with an answer to the desired state, in a header that older agents do not look at.
import { z } from 'zod'
import { ServiceId } from './names.ts'
import { longestDomainXml } from './specs/domain-xml.ts'
import { text } from './text.ts'

/** Of an answer to the desired state: a question, as JSON. */
export const questionHeader = 'holdfast-question'

/** How long the plane waits for an answer; an agent gives up before. */
export const questionPatienceMs = 10_000

/** As a driver's tool takes it for a name: no option, no path, nothing that a header could not carry. */
export const DomainName = z
  .string({ error: 'must be the name of a domain' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.+@-]{0,62}$/, {
    error: 'must be letters, digits and _ . + @ -, at most 63',
  })

/** Describe what is to become service `sid`. Changes nothing on the host. */
export const NodeQuestion = z.strictObject({
  uid: z.uuid(),
  kind: z.literal('describe'),
  sid: ServiceId,
  domain: DomainName,
})
export type NodeQuestion = z.infer<typeof NodeQuestion>

const why = text(2_000)

/** A virtual machine as it is on the host. */
export const DescribedDomain = z.strictObject({
  kind: z.literal('described'),
  name: z.string().max(200),
  uuid: z.string().max(100),
  /** Its persistent description, with its secrets. */
  xml: text(longestDomainXml),
  state: z.enum(['running', 'paused', 'shut off']),
  isAutostarted: z.boolean(),
})
export type DescribedDomain = z.infer<typeof DescribedDomain>

export const NodeAnswer = z.discriminatedUnion('kind', [
  DescribedDomain,
  /** It cannot be taken over as it is; `why`, one sentence, says what would have to be done. */
  z.strictObject({ kind: z.literal('refused'), why }),
])
export type NodeAnswer = z.infer<typeof NodeAnswer>
