// Values of the foreign files, one reader a kind. Each hands back what it read, or undefined after a fault.
import { ConfigId, NodeName } from '../../../shared/names.ts'
import { addFault, type Findings, type Place } from './findings.ts'
import { quoted } from './section-file.ts'

/** What is read: its place, what it belongs to, and the key it is the value of. */
export type Value = Place & { about: string; key: string; value: string | null }

const on = ['1', 'on', 'yes', 'true']
const off = ['0', 'off', 'no', 'false']

/** A key without a value is on. */
export function readBoolean(given: Value, findings: Findings): boolean | undefined {
  if (given.value === null) return true
  const word = given.value.toLowerCase()
  if (on.includes(word)) return true
  if (off.includes(word)) return false
  return refuse(given, findings, 'must be 1, on, yes, true, 0, off, no or false')
}

export function readInteger(given: Value, most: number, findings: Findings): number | undefined {
  const value = given.value ?? ''
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (number <= most) return number
  return refuse(given, findings, `must be a whole number from 0 to ${most}`)
}

export function readNumber(given: Value, findings: Findings): number | undefined {
  const value = given.value ?? ''
  if (/^\d{1,9}(\.\d{1,15})?$/.test(value)) return Number(value)
  return refuse(given, findings, 'must be a number that is not negative, like 0.3')
}

export function readOneOf<T extends string>(
  given: Value,
  words: readonly T[],
  findings: Findings,
): T | undefined {
  const word = words.find((one) => one === given.value)
  return word ?? refuse(given, findings, `must be one of ${words.join(', ')}`)
}

/** Names of groups and rules. */
export function readConfigId(given: Value, findings: Findings): string | undefined {
  const parsed = ConfigId.safeParse(given.value)
  if (parsed.success) return parsed.data
  return refuse(given, findings, parsed.error.issues[0]?.message ?? 'must be a name')
}

/** Virtual machines and containers are numbered; each is listed once. */
export function readServices(given: Value, findings: Findings): string[] | undefined {
  const names = listOf(given.value)
  const wrong = names.find((name) => !/^(vm|ct):[1-9]\d{1,8}$/.test(name))
  if (names.length > 0 && wrong === undefined) return [...new Set(names)]
  return refuse(given, findings, 'must list services like vm:100,ct:101')
}

/** `n1:2,n2` → { n1: 2, n2: 0 }. Of a node that is named twice the last priority counts. */
export function readNodes(given: Value, findings: Findings): Record<string, number> | undefined {
  const nodes: Record<string, number> = {}
  const parts = listOf(given.value)
  for (const part of parts) {
    const [, name, priority = '0'] = /^([^:]+)(?::(\d{1,9}))?$/.exec(part) ?? []
    const parsed = NodeName.safeParse(name)
    if (!parsed.success || Number(priority) > 1000) {
      const isMisnamed = name !== undefined && !parsed.success
      const wrong = isMisnamed ? parsed.error.issues[0]!.message : 'is not one'
      return refuse(
        given,
        findings,
        `must list nodes with priorities from 0 to 1000 like n1:2,n2 (${quoted(part)}: ${wrong})`,
      )
    }
    nodes[parsed.data] = Number(priority)
  }
  if (parts.length > 0) return nodes
  return refuse(given, findings, 'must name at least one node')
}

/** Percent signs with two hexadecimal digits stand for a byte of UTF-8; others for themselves. */
export function readComment(given: Value, findings: Findings): string | undefined {
  const comment = (given.value ?? '').replace(/(?:%[0-9A-Fa-f]{2})+/g, decoded)
  if (comment.length > 4096) return refuse(given, findings, 'must have at most 4096 characters')
  if (!comment.isWellFormed() || comment.includes('\0'))
    return refuse(given, findings, 'must hold no zero byte and no half of a character')
  return comment
}

function decoded(bytes: string): string {
  try {
    return decodeURIComponent(bytes)
  } catch {
    return bytes
  }
}

/** Commas, semicolons and blanks part the members of a list. */
function listOf(value: string | null): string[] {
  return (value ?? '').split(/[,;\s]+/).filter(Boolean)
}

function refuse(given: Value, findings: Findings, rule: string): undefined {
  const value = given.value === null ? 'nothing' : quoted(given.value)
  addFault(findings, given, given.about, `${given.key} ${rule}, not ${value}`)
}
