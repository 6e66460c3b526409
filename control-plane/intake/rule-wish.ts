// What operators wish of the rules (D14): each wish as the whole list that it would leave, or a Refusal. Pure.
// A rule is written as a whole; members come and go one by one; a disabled rule may say anything.
import { groupOfRule } from '../cluster/rules/reasons.ts'
import type { Rule } from '../../shared/rule.ts'
import type { ClusterView, Sid } from '../cluster/view.ts'
import { refuseStranded } from './feasible.ts'
import { refuseInfeasible } from './infeasible.ts'
import { type FieldError, isRefusal, type Refusal, refuse } from './refusal.ts'

/** May the rules become `nextRules`? No rule and no group may become infeasible by it, and no service strand. */
export function refuseRuleWrite(view: ClusterView, nextRules: readonly Rule[]): Refusal | null {
  const after = { ...view, rules: [...nextRules] }
  return refuseInfeasible(view, after) ?? refuseStranded(view, after)
}

/** The rules with `rule` added at the end. */
export function createRule(view: ClusterView, rule: Rule): Rule[] | Refusal {
  if (view.rules.some(({ id }) => id === rule.id))
    return refuse('already-exists', `rule ${rule.id} exists already: change it instead`)
  if (groupOfRule(rule.id) !== null)
    return refuse('invalid', `rule ids that begin with ha-group- belong to groups`, [
      { field: 'id', message: 'must not begin with ha-group-' },
    ])
  return written(view, rule, [...view.rules, rule])
}

/** The rules with `rule`, the whole of it after the change, in the place of the one of that id. */
export function updateRule(view: ClusterView, rule: Rule): Rule[] | Refusal {
  const known = ruleNamed(view, rule.id)
  if (isRefusal(known)) return known
  if (known.type !== rule.type)
    return refuse('invalid', `rule ${rule.id} is a ${known.type} rule and stays one`, [
      { field: 'type', message: `must be ${known.type}` },
    ])
  return written(view, rule, replaced(view.rules, rule), known)
}

/** The rules without the one of that id. */
export function deleteRule(view: ClusterView, id: string): Rule[] | Refusal {
  const known = ruleNamed(view, id)
  if (isRefusal(known)) return known
  return judged(
    view,
    view.rules.filter((rule) => rule.id !== id),
  )
}

/** The rules with the one of that id enabled or disabled. */
export function enableRule(view: ClusterView, id: string, isEnabled: boolean): Rule[] | Refusal {
  const known = ruleNamed(view, id)
  if (isRefusal(known)) return known
  return updateRule(view, { ...known, disabled: !isEnabled })
}

/** The rules with `sid` in the one of that id; it may be in it already. */
export function addMember(view: ClusterView, id: string, sid: Sid): Rule[] | Refusal {
  const known = ruleNamed(view, id)
  if (isRefusal(known)) return known
  if (known.resources.includes(sid)) return [...view.rules]
  return updateRule(view, { ...known, resources: [...known.resources, sid] })
}

/** The rules with `sid` out of the one of that id. */
export function removeMember(view: ClusterView, id: string, sid: Sid): Rule[] | Refusal {
  const known = ruleNamed(view, id)
  if (isRefusal(known)) return known
  if (!known.resources.includes(sid))
    return refuse('unknown-member', `service ${sid} is not in rule ${id}`)
  const resources = known.resources.filter((one) => one !== sid)
  if (resources.length === 0)
    return refuse('last-member', `service ${sid} is the last one in rule ${id}: delete the rule`)
  return updateRule(view, { ...known, resources })
}

export type Purged = { rules: Rule[]; changed: string[]; disabled: string[]; deleted: string[] }

/**
 * The rules when `sid` is no service any more. A rule left without services goes; one that has nothing to keep together
 * or apart any more is disabled, for the operator to say what it should be.
 */
export function withoutService(rules: readonly Rule[], sid: Sid): Purged {
  const purged: Purged = { rules: [], changed: [], disabled: [], deleted: [] }
  for (const rule of rules) {
    if (!rule.resources.includes(sid)) {
      purged.rules.push(rule)
      continue
    }
    const resources = rule.resources.filter((one) => one !== sid)
    if (resources.length === 0) {
      purged.deleted.push(rule.id)
      continue
    }
    const isPointless = rule.type === 'resource-affinity' && resources.length < 2
    if (isPointless && !rule.disabled) purged.disabled.push(rule.id)
    else purged.changed.push(rule.id)
    purged.rules.push({ ...rule, resources, disabled: rule.disabled || isPointless })
  }
  return purged
}

/** The rule, or the refusal that there is none of that id. */
export function ruleNamed(view: ClusterView, id: string): Rule | Refusal {
  return (
    view.rules.find((rule) => rule.id === id) ??
    refuse('unknown-rule', `no rule ${id} in this cluster`)
  )
}

/** `known`: the rule before the change; what it named already is not asked for again. */
function written(view: ClusterView, rule: Rule, nextRules: Rule[], known?: Rule): Rule[] | Refusal {
  return refuseStrangers(view, rule, known) ?? judged(view, nextRules)
}

function judged(view: ClusterView, nextRules: Rule[]): Rule[] | Refusal {
  return refuseRuleWrite(view, nextRules) ?? nextRules
}

function refuseStrangers(view: ClusterView, rule: Rule, known?: Rule): Refusal | null {
  const errors: FieldError[] = []
  for (const sid of rule.resources) {
    if (known?.resources.includes(sid) || view.services[sid]?.config) continue
    errors.push({ field: 'resources', message: `no service ${sid}` })
  }
  if (rule.type === 'node-affinity')
    for (const node of Object.keys(rule.nodes)) {
      const isKnown = known?.type === 'node-affinity' && node in known.nodes
      if (isKnown || view.nodes[node]) continue
      errors.push({ field: 'nodes', message: `no node ${node}` })
    }
  if (errors.length === 0) return null
  const code = errors[0]!.field === 'nodes' ? 'unknown-node' : 'unknown-service'
  const told = errors.map(({ message }) => message).join(', ')
  return refuse(code, `rule ${rule.id} names what is not in this cluster: ${told}`, errors)
}

function replaced(rules: readonly Rule[], next: Rule): Rule[] {
  return rules.map((rule) => (rule.id === next.id ? next : rule))
}
