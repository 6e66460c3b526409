// The choice among nodes, step by step as in reference 2.14: classes, partners, what the service remembers, scores.
// Knows nothing of views and rules: everything it weighs is in the question. Chooses; changes nothing.
import { compareText } from '../../cluster/grants.ts'
import type { Apart } from '../../cluster/rules/compile.ts'
import type { NodeName } from '../../cluster/view.ts'

/** `stay`: where it is, if that is as good as any. `try-next`: where it has not failed. `best-score`: where least runs. */
export type Preference = 'stay' | 'try-next' | 'best-score'

/** By node; none where it is not known. */
export type Scores = { get(node: NodeName): number | undefined }

export type Question = {
  preference: Preference
  /** Where it is, or was last. */
  current: NodeName | null
  /** It returns to better nodes when they are available again. */
  failsBack: boolean
  /** Where it ran before a maintenance. */
  fallback: NodeName | null
  /** Where its starts failed. */
  tried: readonly NodeName[]
  /** Nodes that can take it and that its node affinity permits. */
  allowed: ReadonlySet<NodeName>
  /** Those of them in the best class. */
  preferred: ReadonlySet<NodeName>
  /** The same in the order of names. */
  preferredInOrder: readonly NodeName[]
  /** How many of the services it is kept together with are at a node, or on their way to it. */
  together: ReadonlyMap<NodeName, number>
  /** Nodes used by services it stays apart from, each with one of them. */
  apart: ReadonlyMap<NodeName, Apart>
  /** The lowest wins, then the name. Asked only when the steps before leave a choice. */
  scores: () => Scores
}

/** Which step of the selection made the choice. */
export type Because = 'no-failback' | 'fallback' | 'stays' | 'only-one' | 'best-score' | 'nowhere'

export type Choice = {
  node: NodeName | null
  because: Because
  /** What the steps before the score leave, in the order of names. */
  candidates: readonly NodeName[]
}

/** Where to. */
export function select(question: Question): Choice {
  const { current, fallback, preference } = question
  if (preference === 'stay' && !question.failsBack && isConform(question, current))
    return { node: current, because: 'no-failback', candidates: remaining(question) }
  const candidates = remaining(question)
  const among = (node: NodeName | null) =>
    node !== null && question.preferred.has(node) && candidates.includes(node)
  if (candidates.length === 0) return { node: null, because: 'nowhere', candidates }
  if (among(fallback)) return { node: fallback, because: 'fallback', candidates }
  if (preference === 'stay' && among(current))
    return { node: current, because: 'stays', candidates }
  if (candidates.length === 1) return { node: candidates[0]!, because: 'only-one', candidates }
  const scores = question.scores()
  // The one after the current node, if it is among them and not the last, else the first.
  const after = preference === 'try-next' && among(current) ? current : null
  const node = best(candidates, scores, after) ?? best(candidates, scores, null)!
  return { node, because: 'best-score', candidates }
}

/**
 * Where it is is as good as any, and with all its partners: what `select` would say under `stay`, without looking at
 * every node. Those that are parted may have to stay so, but then somebody is to say why.
 */
export function isWellPlaced(question: Question): boolean {
  const { current, fallback, preferred, apart, together } = question
  if (current === null || (fallback !== null && fallback !== current)) return false
  if (!preferred.has(current) || apart.has(current)) return false
  return together.size === 0 || (together.size === 1 && together.has(current))
}

/** Without failback any permitted node will do, as long as no partner objects. */
function isConform(question: Question, node: NodeName | null): boolean {
  const { allowed, preferred, apart, together } = question
  if (node === null || !allowed.has(node) || apart.has(node)) return false
  const most = mostPartners(question, allowed)
  if (most === null) return true
  if ((together.get(node) ?? 0) < together.get(most)!) return false
  // One that is on a better node does not come back from there: they would stay parted for ever.
  return preferred.has(node) || mostPartners(question, preferred) === null
}

/** The preferred nodes without those that failed, that a partner forbids, or where fewer partners are. */
function remaining(question: Question): readonly NodeName[] {
  const { preference, tried, preferredInOrder, apart } = question
  const failed = preference === 'try-next' ? tried : []
  const isRuledOut = (node: NodeName) => apart.has(node) || failed.includes(node)
  const open =
    apart.size === 0 && failed.length === 0
      ? preferredInOrder
      : preferredInOrder.filter((node) => !isRuledOut(node))
  if (question.together.size === 0) return open
  const most = mostPartners(question, new Set(open))
  return most === null ? open : [most]
}

/** The node among `nodes` with most partners, the first by name of several; null: no partner is on any of them. */
function mostPartners(
  { together, apart }: Question,
  nodes: ReadonlySet<NodeName>,
): NodeName | null {
  let most: NodeName | null = null
  for (const [node, count] of together) {
    if (count === 0 || !nodes.has(node) || apart.has(node)) continue
    const best = most === null ? 0 : together.get(most)!
    if (count > best || (count === best && compareText(node, most!) < 0)) most = node
  }
  return most
}

/** The best of `nodes`, which come by name, or of those behind `after`: the lowest score, then the name. */
function best(nodes: readonly NodeName[], scores: Scores, after: NodeName | null): NodeName | null {
  const scoreOf = (node: NodeName) => scores.get(node) ?? 0
  const afterScore = after === null ? Number.NEGATIVE_INFINITY : scoreOf(after)
  let found: NodeName | null = null
  let foundScore = Number.POSITIVE_INFINITY
  for (const node of nodes) {
    const score = scoreOf(node)
    if (score >= foundScore || score < afterScore) continue
    if (after !== null && score === afterScore && compareText(node, after) <= 0) continue
    found = node
    foundScore = score
  }
  return found
}
