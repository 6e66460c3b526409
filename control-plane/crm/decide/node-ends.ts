// A node that is there again tells how its life before ended: that becomes a line of its story, once.
import { decideChange, type Draft } from './draft.ts'
import { surveyOf } from './survey.ts'

/** Tells of every end that was not told of yet. */
export function tellEnds(draft: Draft): void {
  for (const { name, health, toldEnd } of surveyOf(draft).restless) {
    const end = health?.lastEnd
    if (!end || end.uid === toldEnd) continue
    const { uid, kind: how, why } = end
    decideChange(draft, { kind: 'node.ended', node: name, end: uid, how, why })
  }
}
