// What a resource agent says about itself: its parameters and its actions, with the times it advises.
import { XMLParser } from 'fast-xml-parser'
import { z } from 'zod'

export type MetaParameter = { name: string; type: string; isRequired: boolean }
export type MetaAction = { name: string; timeoutMs: number | null; intervalMs: number | null }
export type MetaData = { parameters: MetaParameter[]; actions: MetaAction[] }

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name) => name === 'parameter' || name === 'action',
})

const Parameter = z.object({
  name: z.string(),
  required: z.string().optional(),
  content: z.union([z.object({ type: z.string().default('string') }), z.literal('')]).optional(),
})

const Action = z.object({
  name: z.string(),
  timeout: z.string().optional(),
  interval: z.string().optional(),
  depth: z.string().optional(),
  role: z.string().optional(),
})

/** An element without content is read as an empty text. */
const empty = z.literal('').transform((): { parameter?: never; action?: never } => ({}))

const Shape = z.object({
  'resource-agent': z.object({
    parameters: z.union([z.object({ parameter: z.array(Parameter).optional() }), empty]).optional(),
    actions: z.union([z.object({ action: z.array(Action).optional() }), empty]).optional(),
  }),
})

/** @returns null: it is no meta-data of a resource agent */
export function parseMetaData(xml: string): MetaData | null {
  let tree: unknown
  try {
    tree = parser.parse(xml)
  } catch {
    return null
  }
  const read = Shape.safeParse(tree)
  if (!read.success) return null
  const { parameters, actions } = read.data['resource-agent']
  return {
    parameters: (parameters?.parameter ?? []).map(({ name, required, content }) => ({
      name,
      type: typeof content === 'object' ? content.type : 'string',
      isRequired: ['1', 'true', 'yes'].includes(required ?? ''),
    })),
    actions: (actions?.action ?? [])
      // Deeper checks, and those of one role of several, are not what tells whether it runs.
      .filter(({ depth, role }) => Number(depth ?? 0) === 0 && isRoleOfAll(role))
      .map(({ name, timeout, interval }) => ({
        ...{ name, timeoutMs: readTimeMs(timeout), intervalMs: readTimeMs(interval) },
      })),
  }
}

const isRoleOfAll = (role: string | undefined) => role === undefined || role === 'Started'

const unitsMs: Record<string, number> = {
  ms: 1,
  msec: 1,
  '': 1_000,
  s: 1_000,
  sec: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
}

/** `20s`, `20`, `1500ms`, `2min`; a bare number is in seconds. null: none, or no time. */
export function readTimeMs(text: string | undefined): number | null {
  const [, digits, unit = ''] = /^\s*(\d{1,9}(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text ?? '') ?? []
  const factor = unitsMs[unit.toLowerCase()]
  return digits === undefined || factor === undefined ? null : Math.round(Number(digits) * factor)
}

/** What is wrong with these parameters, one sentence each that begins with the field. */
export function judgeParameters(meta: MetaData, given: Record<string, string>): string[] {
  const known = new Map(meta.parameters.map((one) => [one.name, one]))
  const faults: string[] = []
  for (const [name, value] of Object.entries(given)) {
    const parameter = known.get(name)
    // The library that agents share understands these, whatever the agent says of itself.
    if (!parameter && !/^trace_(ra|file|dir)$/.test(name))
      faults.push(`parameters.${name}: the agent has no such parameter`)
    else if (parameter) {
      const wish = unmet(parameter, value)
      if (wish !== null) faults.push(`parameters.${name}: ${wish}`)
    }
  }
  for (const { name, isRequired } of meta.parameters)
    if (isRequired && !given[name]) faults.push(`parameters.${name}: the agent requires it`)
  return faults
}

const booleans = /^(1|0|true|false|yes|no|on|off|ja)$/i

function unmet({ type }: MetaParameter, value: string): string | null {
  if (value === '') return null
  if (type === 'integer' && !/^[+-]?\d+$/.test(value.trim())) return 'must be a whole number'
  if (type === 'boolean' && !booleans.test(value.trim())) return 'must be true or false'
  return null
}
