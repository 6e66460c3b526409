// Where should a service run? Gathers what there is to weigh, rules and partners, what the service remembers, the
// scores, and asks select.ts. Proposes; opens and moves nothing.
import { headingTo } from '../../cluster/occupancy.ts'
import { failsBack } from '../../cluster/rules/group-rules.ts'
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { NodeName, Sid } from '../../cluster/view.ts'
import { compiledRules } from './compiled-rules.ts'
import type { Draft } from './draft.ts'
import { nodeClasses } from './node-classes.ts'
import { explainChoice } from './placement-explained.ts'
import { partnersApart, partnersTogether } from './partners.ts'
import { nodeScores } from './scores.ts'
import { type Choice, isWellPlaced, type Preference, type Question, select } from './select.ts'

export type Placement = {
  /** null: nowhere. */
  node: NodeName | null
  /** Why there. */
  why: string
  /** D1: the restricted group none of whose members is available, or null. */
  restrictedOut: string | null
  /** Why nowhere, node by node. */
  note: string
}

/** The node that should take `sid` now. */
export function place(draft: Draft, sid: Sid, preference: Preference): Placement {
  const question = placeQuestion(draft, sid, preference)
  const choice = select(question)
  const { restrictedOut } = nodeClasses(draft, sid)
  if (choice.node === null) {
    const note = explainChoice(draft, sid, question, choice).why
    return { node: null, why: '', restrictedOut, note }
  }
  return { node: choice.node, why: whyThere(draft, sid, question, choice), restrictedOut, note: '' }
}

/** Is it where it is best? Quick, and asked of every running service in every round. */
export function isPlacedWell(draft: Draft, sid: Sid): boolean {
  const { status } = draft.view.services[sid]!
  const { together, apart } = compiledRules(draft)
  if (together.has(sid) || apart.has(sid)) return isWellPlaced(placeQuestion(draft, sid, 'stay'))
  return (
    status!.fallbackNode === null &&
    status!.node !== null &&
    nodeClasses(draft, sid).best.has(status!.node)
  )
}

/**
 * Nowhere is better, and where it is only services object that are about to leave: it may start there as it may stay
 * (reference T24). Node affinity is not to be stretched like that.
 */
export function mayStartWhereItIs(draft: Draft, sid: Sid): boolean {
  const node = draft.view.services[sid]!.status?.node ?? null
  if (node === null || !nodeClasses(draft, sid).allowed.has(node)) return false
  return (compiledRules(draft).apart.get(sid) ?? []).every(({ sid: partner }) => {
    const status = draft.view.services[partner]?.status
    return !status || headingTo(status) !== node
  })
}

/** What is to be weighed for `sid`, as things stand in the plan. */
export function placeQuestion(draft: Draft, sid: Sid, preference: Preference): Question {
  const service = draft.view.services[sid]!
  const { allowed, best } = nodeClasses(draft, sid)
  return {
    preference,
    current: service.status?.node ?? null,
    failsBack: failsBack(draft.view, service),
    fallback: service.status?.fallbackNode ?? null,
    tried: service.status?.failedNodes ?? [],
    allowed,
    preferred: best,
    together: partnersTogether(draft, sid),
    apart: partnersApart(draft, sid),
    scores: () => nodeScores(draft, sid),
  }
}

/** Why the choice fell on its node, in a few words. */
export function whyThere(draft: Draft, sid: Sid, question: Question, choice: Choice): string {
  const { affinity } = nodeClasses(draft, sid)
  const best = affinity === null ? 'least loaded' : `best of ${ruleTitle(affinity.rule)}`
  switch (choice.because) {
    case 'no-failback':
      return noFailback(draft, sid)
    case 'fallback':
      return 'it ran there before the maintenance'
    case 'stays':
      return 'it is there already'
    case 'only-one':
      return question.together.has(choice.node!)
        ? `${ruleTitle(compiledRules(draft).together.get(sid)!.from[0]!)} keeps it with services there`
        : `${affinity === null ? 'the only one left' : best}, ${scoreText(draft, question, choice.node!)}`
    case 'best-score':
      return `${best}, ${scoreText(draft, question, choice.node!)}`
    case 'nowhere':
      return ''
  }
}

function noFailback(draft: Draft, sid: Sid): string {
  const { config } = draft.view.services[sid]!
  return config?.failback ? `group ${config.group} does not fail back` : 'it does not fail back'
}

function scoreText(draft: Draft, { scores }: Question, node: NodeName): string {
  const score = scores().get(node) ?? 0
  if (draft.view.settings.scheduling.mode !== 'basic') return `score ${score.toFixed(3)}`
  return `${score} service${score === 1 ? '' : 's'}`
}
