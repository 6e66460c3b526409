// What a file given to `npm run scenario` is: text; a recording of the reference (JSON with `inputs`); or what
// `ha-manager export-scenario` writes with --json or --view, which is a scenario or the view it is told from.
import type { ClusterView } from '../../control-plane/cluster/view.ts'
import { scenarioText } from '../../control-plane/crm/scenario/scenario-text.ts'

export type Content = { kind: 'recording' } | { kind: 'scenario'; text: string }

export function kindOf(content: string): Content {
  if (!content.trimStart().startsWith('{')) return { kind: 'scenario', text: content }
  const json = JSON.parse(content) as object
  if ('scenario' in json && typeof json.scenario === 'string')
    return { kind: 'scenario', text: json.scenario }
  if ('planeEpoch' in json) return { kind: 'scenario', text: scenarioText(json as ClusterView) }
  return { kind: 'recording' }
}
