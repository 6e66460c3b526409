// The rules and groups of the view as lookups, made once for a plan. No change of a plan touches what they are made of.
import { type CompiledRules, compileRules } from '../../cluster/rules/compile.ts'
import { takeUnderRules, type UnderRules } from '../../cluster/rules/under-rules.ts'
import type { Draft } from './draft.ts'

/** What rules and groups say. */
export function compiledRules(draft: Draft): CompiledRules {
  draft.rules ??= compileRules(draft.read)
  return draft.rules
}

/** Who is under them, as the view was read. */
export function underRules(draft: Draft): UnderRules {
  draft.underRules ??= takeUnderRules(draft.read.services, compiledRules(draft))
  return draft.underRules
}
