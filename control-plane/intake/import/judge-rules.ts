// Rules of an import against the cluster they come to. Adds faults and notes to the findings. Pure otherwise.
// A rule that cannot be kept beside the others was ignored by the old manager, too: it comes in disabled, with the reason.
import type { Rule } from '../../../shared/rule.ts'
import { groupOfRule, reasonText } from '../../cluster/rules/reasons.ts'
import type { ClusterView } from '../../cluster/view.ts'
import { infeasibleOf } from '../infeasible.ts'
import { addFault, addNote, type Findings } from './findings.ts'
import { unknownNodes } from './judge.ts'
import type { Imported } from './read-files.ts'
import type { ImportedRule } from './sections.ts'

/** The rules under the names they will have. */
export function judgeRules(view: ClusterView, imported: Imported): ImportedRule[] {
  const { findings } = imported
  const named = new Set<string>(imported.services.map(({ sid }) => sid))
  for (const sid in view.services) if (view.services[sid]?.config) named.add(sid)
  const taken = new Set(view.rules.map(({ id }) => id))
  return imported.rules.map((one) => {
    const about = `${one.rule.type}: ${one.rule.id}`
    const renamed = underOurName(one, findings)
    if (taken.has(renamed.rule.id))
      addFault(findings, one, about, `there is a rule ${renamed.rule.id} already`)
    taken.add(renamed.rule.id)
    const strangers = one.rule.resources.filter((sid) => !named.has(sid))
    if (strangers.length > 0)
      addFault(
        findings,
        one,
        about,
        `resources name ${strangers.join(', ')}, neither in resources.cfg nor in this cluster: take them out of the rule, or add them`,
      )
    const nodes = one.rule.type === 'node-affinity' ? Object.keys(one.rule.nodes) : []
    const missing = unknownNodes(view, nodes)
    if (missing.length > 0)
      addFault(
        findings,
        one,
        about,
        `nodes name ${missing.join(', ')}, not in this cluster: let them join under these names first, or take them out`,
      )
    return renamed
  })
}

/** Groups that the old manager has turned into rules keep their prefix there; here it belongs to groups. */
function underOurName(one: ImportedRule, findings: Findings): ImportedRule {
  const group = groupOfRule(one.rule.id)
  if (group === null) return one
  const id = `group-${group}`
  addNote(
    findings,
    one,
    `${one.rule.type}: ${one.rule.id}`,
    `comes in as rule ${id}: ids that begin with ha-group- belong to groups`,
  )
  return { ...one, rule: { ...one.rule, id } }
}

/** The rules, those disabled that could not be kept in `view` beside the others. */
export function withoutConflicts(
  view: ClusterView,
  imported: ImportedRule[],
  findings: Findings,
): Rule[] {
  const all = imported.map(({ rule }) => rule)
  const infeasible = infeasibleOf({ ...view, rules: [...view.rules, ...all] })
  return imported.map(({ rule, file, line }) => {
    const reasons = infeasible.get(rule.id)
    if (!reasons) return rule
    const told = [...new Set(reasons.map(reasonText))].join('; ')
    addNote(
      findings,
      { file, line },
      `${rule.type}: ${rule.id}`,
      `comes in disabled, for it cannot be kept: ${told}`,
    )
    return { ...rule, disabled: true }
  })
}
