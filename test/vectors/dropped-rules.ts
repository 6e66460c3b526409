// Rules that are dropped, and why: a code of the recordings is a name that somebody gave to one of the reference's sentences.
import { reasonCodes } from '../../control-plane/cluster/rules/reasons.ts'
import { compare, type Difference } from './judge.ts'

/** By rule. */
type Dropped = Record<string, readonly { code: string }[]>

const ours: ReadonlySet<string> = new Set(reasonCodes)

/**
 * null if the same rules are dropped for the same reasons. Of reasons under names that are none of ours it is compared which
 * rules have one; what both have a name for must agree, with all that it tells.
 */
export function compareDropped(expected: Dropped, actual: Dropped): Difference | null {
  const named = codesIn(expected)
  const isStrange = (code: string) => !ours.has(code)
  if (!named.some(isStrange)) return compare('dropped', expected, actual)
  const isUnnamed = (code: string) => !named.includes(code)
  const difference = compare(
    'dropped',
    withoutNames(expected, isStrange),
    withoutNames(actual, isUnnamed),
  )
  return difference && { what: 'dropped', expected, actual }
}

function codesIn(dropped: Dropped): string[] {
  return Object.values(dropped).flatMap((reasons) => reasons.map(({ code }) => code))
}

/** Each rule with the reasons that can be named, and whether it has any others. */
function withoutNames(dropped: Dropped, isNameless: (code: string) => boolean) {
  return Object.fromEntries(
    Object.entries(dropped).map(([id, reasons]) => [
      id,
      {
        named: reasons.filter(({ code }) => !isNameless(code)),
        hasOthers: reasons.some(({ code }) => isNameless(code)),
      },
    ]),
  )
}
