// From a specification to resources that can be started on this node: is the agent here, and do its parameters suit it?
import { statSync } from 'node:fs'
import { z } from 'zod'
import type { Outcome } from '../../../shared/outcome.ts'
import { OcfGroupSpec, type OcfMember, OcfSpec } from '../../../shared/specs/ocf.ts'
import { callAgent } from './agent-call.ts'
import { judgeParameters, type MetaData, parseMetaData } from './meta-data.ts'
import { kindOf, programOf, type Resource, settleResource } from './resource.ts'

export type Plan = { resources: Resource[] } | { outcome: Outcome; detail: string }
export type MakePlan = (sid: string, spec: unknown) => Promise<Plan>
/**
 * What to ask for, of a service that this node may never have been meant for. `absent`: its agents are not on this node, so
 * nothing of it is. `doubt`: it cannot be asked for.
 */
export type AskPlan = (sid: string, spec: unknown) => Promise<Resource[] | 'absent' | 'doubt'>

export type Planner = {
  toStart: MakePlan
  /** The same, where it is to move live: its specification and its agent must allow that, too. */
  toMove: MakePlan
  toAsk: AskPlan
}

const metaTimeoutMs = 10_000

export function createPlanner(ocfRoot: string, node: string, isGroup: boolean): Planner {
  const known = new Map<string, { mtimeMs: number; meta: MetaData }>()

  const isHere = (agent: string) =>
    statSync(programOf(ocfRoot, kindOf(agent)), { throwIfNoEntry: false })?.isFile() === true

  /** What the agent says of itself, asked once; or the sentence that it is not here. */
  async function metaOf({ agent, name }: OcfMember): Promise<MetaData | string> {
    const kind = kindOf(agent)
    const program = programOf(ocfRoot, kind)
    const stat = statSync(program, { throwIfNoEntry: false })
    if (!stat?.isFile()) return `${agent} is not installed on this node`
    const { mtimeMs } = stat
    const cached = known.get(program)
    if (cached?.mtimeMs === mtimeMs) return cached.meta
    const resource = { name, ...kind, parameters: {} }
    const result = await callAgent({
      ...{ ocfRoot, resource, action: 'meta-data', timeoutMs: metaTimeoutMs, node, mark: '' },
    })
    const meta = result.code === 0 ? parseMetaData(result.stdout) : null
    if (meta === null) return `${agent} gives no meta-data on this node`
    known.set(program, { mtimeMs, meta })
    return meta
  }

  const toStart: MakePlan = async (sid, spec) => {
    const read = readMembers(sid, spec, isGroup)
    if ('fault' in read) return { outcome: 'invalid', detail: read.fault }
    const resources: Resource[] = []
    for (const [index, member] of read.members.entries()) {
      const meta = await metaOf(member)
      if (typeof meta === 'string') return { outcome: 'wrong-node', detail: meta }
      const at = isGroup ? `members.${index}.` : ''
      const faults = judgeParameters(meta, member.parameters).map((fault) => at + fault)
      if (faults.length > 0) return { outcome: 'invalid', detail: faults.join('; ') }
      resources.push(settleResource(member, meta))
    }
    return { resources }
  }

  const toMove: MakePlan = async (sid, spec) => {
    const plan = await toStart(sid, spec)
    if ('outcome' in plan) return plan
    const never = { outcome: 'not-live' } as const
    const read = OcfSpec.safeParse(spec)
    if (isGroup || !read.success) return { ...never, detail: 'a group does not move live' }
    if (!read.data.live) return { ...never, detail: 'its specification does not say live: true' }
    const meta = await metaOf({ name: '', ...read.data })
    const missing = ['migrate_to', 'migrate_from'].filter(
      (action) => typeof meta === 'string' || !meta.actions.some(({ name }) => name === action),
    )
    if (missing.length === 0) return plan
    return { ...never, detail: `${read.data.agent} declares no ${missing.join(' and no ')}` }
  }

  const toAsk: AskPlan = async (sid, spec) => {
    const read = readMembers(sid, spec, isGroup)
    if ('fault' in read) return 'doubt'
    const here = read.members.filter(({ agent }) => isHere(agent))
    const resources: Resource[] = []
    for (const member of here) {
      const meta = await metaOf(member)
      if (typeof meta === 'string') return 'doubt'
      resources.push(settleResource(member, meta))
    }
    return resources.length === 0 ? 'absent' : resources
  }

  return { toStart, toMove, toAsk }
}

function readMembers(
  sid: string,
  spec: unknown,
  isGroup: boolean,
): { members: OcfMember[] } | { fault: string } {
  if (isGroup) {
    const read = OcfGroupSpec.safeParse(spec)
    return read.success ? { members: read.data.members } : { fault: z.prettifyError(read.error) }
  }
  const read = OcfSpec.safeParse(spec)
  if (!read.success) return { fault: z.prettifyError(read.error) }
  const { live: _, ...resource } = read.data
  return { members: [{ name: sid.slice(sid.indexOf(':') + 1), ...resource }] }
}
