// What people type behind an option and read in a table: yes or no, numbers, sizes of memory.
import { usage } from './failure.ts'

type Parse = (text: string, what: string) => unknown

/** `{ [key]: value }` where the flag was given, nothing where it was not. */
export function given<Flags extends object>(
  flags: Flags,
  flag: keyof Flags & string,
  parse: Parse,
  key: string = flag,
): Record<string, unknown> {
  const text = flags[flag] as string | undefined
  const option = `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  return text === undefined ? {} : { [key]: parse(text, option) }
}

const yes = ['yes', 'on', 'true', '1']
const no = ['no', 'off', 'false', '0']

/** The words of the reference for true and false, and the usual ones. */
export function parseYesNo(text: string, what: string): boolean {
  const word = text.toLowerCase()
  if (yes.includes(word)) return true
  if (no.includes(word)) return false
  throw usage(`${what} must be yes or no (or 1, 0, on, off), not ${JSON.stringify(text)}`)
}

export function parseWholeNumber(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw usage(`${what} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}

export function parseDecimal(text: string, what: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text))
    throw usage(`${what} must be a number like 2 or 0.5, not ${JSON.stringify(text)}`)
  return Number(text)
}

const units = ['', 'K', 'M', 'G', 'T'] as const

/** `512M`, `4G`, `1.5GiB`; a bare number is in bytes. Powers of 1024. */
export function parseBytes(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(text.trim())
  const power = units.indexOf((match?.[2] ?? '').toUpperCase() as (typeof units)[number])
  const bytes = Math.round(Number(match?.[1]) * 1024 ** power)
  if (!match || !Number.isSafeInteger(bytes))
    throw usage(`${what} must be a size like 512M or 4G, not ${JSON.stringify(text)}`)
  return bytes
}

/** As `parseBytes` reads it back: the largest unit in which it is a whole number. */
export function formatBytes(bytes: number): string {
  const power = units.findLastIndex((_, at) => bytes >= 1024 ** at && bytes % 1024 ** at === 0)
  return power < 1 ? String(bytes) : `${bytes / 1024 ** power}${units[power]}`
}
