// What went wrong, for a person: one sentence, and what to do about it. Every error the tool means to show is one of
// these; anything else that reaches main.ts is a bug and says so.
import { visible } from './visible.ts'

/** Exit codes, as the README documents them. */
export const exitCodes = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const

export type FailureDetail = {
  /** What to do about it. */
  advice?: string
  /** For machines: the code of the plane's answer, or one of our own. */
  code?: string
  fields?: { field: string; message: string }[]
  /** HTTP status of the plane's answer. */
  status?: number
}

/** Ends the command with a sentence and an exit code. */
export class Failure extends Error {
  readonly exitCode: number
  readonly detail: FailureDetail

  constructor(exitCode: number, sentence: string, detail: FailureDetail = {}) {
    super(sentence)
    this.name = 'Failure'
    this.exitCode = exitCode
    this.detail = detail
  }
}

/** The plane, or the state of things, said no. */
export function refused(sentence: string, detail?: FailureDetail): Failure {
  return new Failure(exitCodes.refused, sentence, detail)
}

/** The command line itself was wrong. */
export function usage(sentence: string, detail?: FailureDetail): Failure {
  return new Failure(exitCodes.usage, sentence, { code: 'usage', ...detail })
}

/** No answer, or nowhere to ask. */
export function unreachable(sentence: string, detail?: FailureDetail): Failure {
  return new Failure(exitCodes.unreachable, sentence, { code: 'unreachable', ...detail })
}

/**
 * The same failure, with the plane's fields called as they were typed here.
 *
 * @param names by field; what is in a field is named behind it: `--param delay`
 */
export function asTyped(cause: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!(cause instanceof Failure) || !cause.detail.fields) return cause
  const nameOf = (field: string): string => {
    const found = Object.keys(names).find((one) => field === one || field.startsWith(`${one}.`))
    if (found === undefined) return field
    return [names[found], field.slice(found.length + 1)].filter(Boolean).join(' ')
  }
  const { exitCode, detail } = cause
  const fields = detail.fields!.map((one) => ({ ...one, field: nameOf(one.field) }))
  const sentence = detail.fields!.reduce(
    (text, { field }) => (field === '' ? text : text.replaceAll(field, nameOf(field))),
    cause.message,
  )
  return new Failure(exitCode, sentence, { ...detail, fields })
}

/** Whether asking again later may help: for commands that go on until they are ended. */
export function mayPass(cause: unknown): boolean {
  if (!(cause instanceof Failure)) return false
  return cause.exitCode === exitCodes.unreachable || (cause.detail.status ?? 0) >= 500
}

/** The lines for standard error; one JSON object where the command was asked for JSON. */
export function formatFailure(tool: string, failure: Failure, json: boolean): string {
  const { advice, code, fields } = failure.detail
  if (json) return JSON.stringify({ error: { code, message: failure.message, advice, fields } })
  const lines = [`${tool}: ${failure.message}`]
  // A sentence that already names its fields need not be followed by them.
  for (const { field, message } of fields ?? [])
    if (!failure.message.includes(message)) lines.push(`  ${field ? `${field}: ` : ''}${message}`)
  if (advice) lines.push(advice)
  return visible(lines.join('\n'))
}
