// A change of one rule, field by field, as the whole rule that it leaves; a field of the other type is refused. Pure.
import type { RuleUpdate } from '../../shared/operator-api.ts'
import type { Rule } from '../../shared/rule.ts'
import { type Refusal, refuse } from './refusal.ts'

/** The rule as it will be. Whether it can be kept then is for rule-wish.ts. */
export function changedRule(rule: Rule, wish: RuleUpdate): Rule | Refusal {
  const { nodes, strict, affinity, ...common } = wish
  const others = rule.type === 'node-affinity' ? { affinity } : { nodes, strict }
  const foreign = Object.keys(withoutUndefined(others))
  if (foreign.length > 0)
    return refuse(
      'invalid',
      `rule ${rule.id} is a ${rule.type} rule, which has no ${foreign.join(' and no ')}`,
      foreign.map((field) => ({ field, message: `not of ${rule.type} rules` })),
    )
  const own = rule.type === 'node-affinity' ? { nodes, strict } : { affinity }
  return { ...rule, ...withoutUndefined(common), ...withoutUndefined(own) } as Rule
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>
}
