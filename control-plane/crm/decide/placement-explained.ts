// A placement explained: every node with what rules it out or what it scores, and why the chosen one was chosen. For
// notes, `why` and what-if; made of the very question that the decision asked.
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'
import { type Draft, startDraft } from './draft.ts'
import { nodeClasses, type Unfit } from './node-classes.ts'
import { partnersApart } from './partners.ts'
import { placeQuestion, whyThere } from './place.ts'
import { type Choice, type Preference, type Question, select } from './select.ts'

export type RuledOut = {
  code: Unfit['code'] | 'lower-priority' | 'start-failed' | 'apart' | 'fewer-partners'
  /** The rules as written that say so, by id; none: it is the node or the service itself. */
  rules: readonly string[]
  text: string
}

export type NodeVerdict = {
  node: NodeName
  /** null: it is a candidate. */
  ruledOut: RuledOut | null
  /** What it scores for this service; the lowest wins. */
  score: number | null
}

export type PlacementExplained = {
  sid: Sid
  preference: Preference
  current: NodeName | null
  chosen: NodeName | null
  /** Why there, or why nowhere. */
  why: string
  /** In the order of names. */
  nodes: readonly NodeVerdict[]
}

/** Where `sid` would be placed in `view` as it stands, and why. Changes nothing. */
export function explainPlacement(
  view: ClusterView,
  sid: Sid,
  preference: Preference,
): PlacementExplained {
  const draft = startDraft(view)
  const question = placeQuestion(draft, sid, preference)
  return explainChoice(draft, sid, question, select(question))
}

/** The explanation of a choice that was made of `question`. */
export function explainChoice(
  draft: Draft,
  sid: Sid,
  question: Question,
  choice: Choice,
): PlacementExplained {
  const scores = question.scores()
  const nodes = draft.nodeNames.map((node) => ({
    node,
    ruledOut: whyRuledOut(draft, sid, question, choice, node),
    score: scores.get(node) ?? null,
  }))
  const { preference, current } = question
  const why = choice.node === null ? whyNowhere(nodes) : whyThere(draft, sid, question, choice)
  return { sid, preference, current, chosen: choice.node, why, nodes }
}

function whyRuledOut(
  draft: Draft,
  sid: Sid,
  question: Question,
  { candidates }: Choice,
  node: NodeName,
): RuledOut | null {
  const { unfit, best, affinity } = nodeClasses(draft, sid)
  const obstacle = unfit.get(node)
  if (obstacle) {
    const { code, rule, text } = obstacle
    return { code, rules: rule === null ? [] : [rule], text }
  }
  if (!best.has(node)) {
    const rules = affinity === null ? [] : [affinity.rule]
    return { code: 'lower-priority', rules, text: 'a node of a higher priority is available' }
  }
  if (question.preference === 'try-next' && question.tried.includes(node))
    return { code: 'start-failed', rules: [], text: 'its start failed there' }
  const partner = partnersApart(draft, sid).get(node)
  if (partner) {
    const text = `${partner.from.map(ruleTitle).join(' and ')}: apart from ${partner.sid}`
    return { code: 'apart', rules: partner.from, text }
  }
  if (candidates.includes(node)) return null
  const { from } = draft.rules!.together.get(sid)!
  return {
    code: 'fewer-partners',
    rules: from,
    text: `${from.map(ruleTitle).join(' and ')}: more of its partners are elsewhere`,
  }
}

function whyNowhere(nodes: readonly NodeVerdict[]): string {
  const told = nodes.flatMap(({ node, ruledOut }) =>
    ruledOut ? [`${node}: ${ruledOut.text}`] : [],
  )
  return `no node can take it${told.length > 0 ? `: ${told.join(', ')}` : ''}`
}
