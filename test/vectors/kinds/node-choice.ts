// One service and one rule, choice after choice, while nodes come and go. The service is then on the chosen node.
import { z } from 'zod'
import { startDraft } from '../../../control-plane/crm/decide/draft.ts'
import { place as choose } from '../../../control-plane/crm/decide/place.ts'
import { buildView } from '../../decide/build-view.ts'
import { compare, type Kind, type Verdict } from '../judge.ts'
import { RecordedRule, toRule } from '../recorded-rule.ts'
import { recordedNode, recordedService } from '../recorded-view.ts'

const Item = z.object({
  nodes: z.array(z.string()),
  service: z.object({ sid: z.string(), node: z.string(), failback: z.boolean() }),
  rules: z.array(RecordedRule),
  steps: z.array(
    z.discriminatedUnion('op', [
      z.object({ op: z.literal('node_up'), node: z.string() }),
      z.object({ op: z.literal('node_down'), node: z.string() }),
      z.object({
        op: z.literal('choose'),
        preference: z.enum(['stay', 'try-next', 'best-score']),
        expect: z.string().nullable(),
      }),
    ]),
  ),
})

export const nodeChoice: Kind = {
  name: 'node choice',
  recognises: (item) => 'steps' in item && 'service' in item,
  judge(item) {
    const { nodes, service, rules, steps } = Item.parse(item)
    const up = new Set(nodes)
    let { node } = service
    const verdicts: Verdict[] = []
    for (const [index, step] of steps.entries()) {
      if (step.op === 'node_up') up.add(step.node)
      else if (step.op === 'node_down') up.delete(step.node)
      else {
        const config = { failback: service.failback }
        const view = buildView({
          nodes: nodes.map((name) => recordedNode(name, up.has(name) ? 'online' : 'unknown')),
          services: [
            recordedService(
              service.sid,
              { state: 'started', node, target: null, running: true },
              { config },
            ),
          ],
          rules: rules.map(toRule),
        })
        const chosen = choose(startDraft(view), service.sid, step.preference).node
        const difference = compare(`${step.preference} from ${node}`, step.expect, chosen)
        verdicts.push({ case: `step ${index}`, difference })
        node = step.expect ?? node
      }
    }
    return verdicts
  },
}
