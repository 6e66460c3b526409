// A placement explained: every node with what rules it out or what it scores, and why the chosen one was chosen. For
// notes, `why` and what-if; made of the very question that the decision asked.
import { ruleTitle } from '../../cluster/rules/reasons.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'
import { compiledRules } from './compiled-rules.ts'
import { type Draft, startDraft } from './draft.ts'
import { nodeClasses, type Unfit } from './node-classes.ts'
import { questionFor } from './question.ts'
import { loadsOf } from './scores.ts'
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
  const question = questionFor(draft, sid, preference)
  return explainChoice(draft, sid, question, select(question))
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
  const { config } = draft.view.services.get(sid)!
  return config?.failback ? `group ${config.group} does not fail back` : 'it does not fail back'
}

function scoreText(draft: Draft, { scores }: Question, node: NodeName): string {
  const score = scores().get(node) ?? 0
  if (loadsOf(draft).mode !== 'basic') return `score ${score.toFixed(3)}`
  return `${score} service${score === 1 ? '' : 's'}`
}

function explainChoice(
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
  const why =
    choice.node === null
      ? whyNowhere(draft, sid, question, choice)
      : whyThere(draft, sid, question, choice)
  return { sid, preference, current, chosen: choice.node, why, nodes }
}

/** As many nodes are named one by one. */
const mostNamed = 5

/** Why no node can take `sid`, in one sentence that stays short in a large cluster: nodes of one reason together. */
export function whyNowhere(draft: Draft, sid: Sid, question: Question, choice: Choice): string {
  return noNode(
    draft.nodeNames,
    (node) => whyRuledOut(draft, sid, question, choice, node)?.text ?? null,
  )
}

/** Why it goes or stays apart from services that rules keep it with: what keeps it from their nodes. Empty: nothing does. */
export function whyParted(draft: Draft, sid: Sid, question: Question, choice: Choice): string {
  const isElsewhere = (node: NodeName) =>
    node !== choice.node && draft.view.nodes[node]?.state === 'online'
  const told = [...question.together.keys()].filter(isElsewhere).flatMap((node) => {
    const out = whyRuledOut(draft, sid, question, choice, node)
    // Where only fewer of them are, it is they who are to come.
    return out === null || out.code === 'fewer-partners' ? [] : [`${node}: ${out.text}`]
  })
  if (told.length === 0) return ''
  const rules = compiledRules(draft).together.get(sid)!.from.map(ruleTitle)
  const keep = rules.length > 1 ? 'keep' : 'keeps'
  return `${rules.join(' and ')} ${keep} it with services that it cannot be with: ${told.sort().join(', ')}`
}

/** The sentence for `nodes`, none of which can take it: each with its reason, those of one reason together. */
export function noNode(
  nodes: readonly NodeName[],
  whyOut: (node: NodeName) => string | null,
): string {
  const byReason = new Map<string, NodeName[]>()
  for (const node of nodes) {
    const text = whyOut(node)
    if (text === null) continue
    const named = byReason.get(text)
    if (named) named.push(node)
    else byReason.set(text, [node])
  }
  const told = [...byReason].map(([text, named]) => {
    const rest = named.length - mostNamed
    const more = rest > 0 ? ` and ${rest} more` : ''
    return `${named.slice(0, mostNamed).join(' ')}${more}: ${text}`
  })
  return `no node can take it${told.length > 0 ? `: ${told.join(', ')}` : ''}`
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
  const partner = question.apart.get(node)
  if (partner) {
    const text = `${partner.from.map(ruleTitle).join(' and ')}: apart from ${partner.sid}`
    return { code: 'apart', rules: partner.from, text }
  }
  if (candidates.includes(node)) return null
  const { from } = compiledRules(draft).together.get(sid)!
  return {
    code: 'fewer-partners',
    rules: from,
    text: `${from.map(ruleTitle).join(' and ')}: more of its partners are elsewhere`,
  }
}
