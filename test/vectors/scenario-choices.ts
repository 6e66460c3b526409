// The selections recorded in a scenario once more, as a whole: with the scenario's own rules and groups, so that classes
// and partners are ours too, and not only what is made of them.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { startDraft } from '../../control-plane/crm/decide/draft.ts'
import { place } from '../../control-plane/crm/decide/place.ts'
import { questionFor } from '../../control-plane/crm/decide/question.ts'
import { aGroup, buildView } from '../decide/build-view.ts'
import { compare, type Difference } from './judge.ts'
import { PlaceItem } from './kinds/place.ts'
import { RecordedRule, toRule } from './recorded-rule.ts'
import { recordedNode, recordedService } from './recorded-view.ts'

const priorities = z.array(z.object({ node: z.string(), priority: z.number() }))

const Scenario = z.object({
  inputs: z.object({
    nodes: z.record(z.string(), z.unknown()),
    services_effective: z.record(z.string(), z.object({ group: z.string().optional() })),
    rules: z.array(RecordedRule).nullable(),
    groups: z
      .array(
        z.object({
          id: z.string(),
          nodes: priorities,
          restricted: z.boolean().default(false),
          nofailback: z.boolean().default(false),
        }),
      )
      .nullable(),
  }),
})
type Scenario = z.infer<typeof Scenario>

/** What our selections weigh and choose otherwise than the recorded ones; static and dynamic scores apart. */
export function differencesInScenario(scenarioFile: string, placementFile: string): Difference[] {
  const scenario = Scenario.parse(JSON.parse(readFileSync(scenarioFile, 'utf8')))
  const items = z
    .array(z.looseObject({ kind: z.string() }))
    .parse(JSON.parse(readFileSync(placementFile, 'utf8')))
  return items
    .filter(({ kind }) => kind === 'place')
    .map((item) => differenceOf(scenario, PlaceItem.parse(item)))
    .filter((difference) => difference !== null)
}

function differenceOf(scenario: Scenario, recorded: PlaceItem): Difference | null {
  const { sid, preference, online } = recorded
  const draft = startDraft(viewOf(scenario, recorded))
  const ours = preference === 'none' ? 'stay' : preference
  const { allowed, preferred, together, apart } = questionFor(draft, sid, ours)
  const about = `${sid} at ${recorded.t} s`
  const isOnline = (node: string) => online.includes(node)
  const counts = Object.fromEntries([...together].filter(([node]) => isOnline(node)))
  return (
    compare(`allowed for ${about}`, recorded.allowed, [...allowed]) ??
    compare(`preferred for ${about}`, recorded.preferred, [...preferred]) ??
    compare(`together with ${about}`, recorded.together, counts) ??
    compare(`apart from ${about}`, recorded.apart, [...apart.keys()].filter(isOnline).sort()) ??
    (recorded.scheduler === 'basic'
      ? compare(`chosen for ${about}`, recorded.chosen, place(draft, sid, ours).node)
      : null)
  )
}

function viewOf({ inputs }: Scenario, recorded: PlaceItem) {
  const { sid, online, failback, maintenance_node, tried, services } = recorded
  return buildView({
    nodes: Object.keys(inputs.nodes)
      .sort()
      .map((name) => recordedNode(name, online.includes(name) ? 'online' : 'unknown')),
    services: Object.entries(services).map(([one, place]) => {
      const group = inputs.services_effective[one]?.group ?? null
      const own = one === sid
      return recordedService(one, place, {
        config: { group, failback: !own || failback },
        status: own ? { fallbackNode: maintenance_node, failedNodes: tried } : {},
      })
    }),
    rules: (inputs.rules ?? []).map(toRule),
    groups: (inputs.groups ?? []).map(({ id, nodes, restricted, nofailback }) =>
      aGroup(id, Object.fromEntries(nodes.map(({ node, priority }) => [node, priority])), {
        restricted,
        nofailback,
      }),
    ),
  })
}
