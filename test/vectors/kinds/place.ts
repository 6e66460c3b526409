// One selection of a node: the classes, partners and loads as recorded, our scores, our choice.
import { z } from 'zod'
import { compareText } from '../../../control-plane/cluster/grants.ts'
import { startDraft } from '../../../control-plane/crm/decide/draft.ts'
import { nodeScores } from '../../../control-plane/crm/decide/scores.ts'
import { select } from '../../../control-plane/crm/decide/select.ts'
import { buildView } from '../../decide/build-view.ts'
import { compare, compareNumbers, type Kind } from '../judge.ts'
import { loadedView, RecordedDemand, RecordedLoad } from '../recorded-load.ts'
import { RecordedService, recordedNode, recordedService } from '../recorded-view.ts'

const names = z.array(z.string())

export const PlaceItem = z.object({
  t: z.number(),
  sid: z.string(),
  preference: z.enum(['none', 'try-next', 'best-score']),
  current: z.string(),
  failback: z.boolean(),
  maintenance_node: z.string().nullable(),
  tried: names,
  online: names,
  allowed: names,
  preferred: names,
  together: z.record(z.string(), z.number()),
  apart: names,
  candidates: names,
  scheduler: z.enum(['basic', 'static', 'dynamic']),
  scores: z.record(z.string(), z.number()),
  node_load: z.record(z.string(), RecordedLoad).optional(),
  demand: RecordedDemand.optional(),
  chosen: z.string().nullable(),
  services: z.record(z.string(), RecordedService),
})
export type PlaceItem = z.infer<typeof PlaceItem>

export const place: Kind = {
  name: 'place',
  recognises: (item) => 'kind' in item && item.kind === 'place',
  judge(item) {
    const recorded = PlaceItem.parse(item)
    const scores = scoresOf(recorded)
    const { preference, current, chosen, candidates } = recorded
    const choice = select({
      preference: preference === 'none' ? 'stay' : preference,
      current,
      failsBack: recorded.failback,
      fallback: recorded.maintenance_node,
      tried: recorded.tried,
      allowed: new Set(recorded.allowed),
      preferred: new Set(recorded.preferred),
      preferredInOrder: [...recorded.preferred].sort(compareText),
      together: new Map(Object.entries(recorded.together)),
      apart: new Map(recorded.apart.map((node) => [node, { sid: 'one', from: [] }])),
      scores: () => new Map(Object.entries(scores)),
    })
    const difference =
      compareNumbers('scores', recorded.scores, scores) ??
      compare('candidates', candidates, choice.candidates) ??
      compare('chosen', chosen, choice.node)
    return [{ case: `${recorded.sid} at ${recorded.t} s`, difference }]
  },
}

function scoresOf(recorded: PlaceItem): Record<string, number> {
  const { sid, scheduler, online, services, node_load: loads, demand } = recorded
  const view =
    scheduler === 'basic'
      ? buildView({
          nodes: online.map((name) => recordedNode(name)),
          services: Object.entries(services).map(([one, place]) => recordedService(one, place)),
        })
      : loadedView(loads!, [[sid, { ...services[sid]!, running: true }, demand!]])
  const ours = nodeScores(startDraft(view), sid)
  return Object.fromEntries(online.map((name) => [name, ours.get(name) ?? 0]))
}
