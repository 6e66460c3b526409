// Reads what an agent sends: bounded, JSON, and exactly what the wire allows. Decides nothing.
import type { Context } from 'hono'
import type { z } from 'zod'

/** A running agent's body: thousands of services at most. */
const largestBodyBytes = 4 * 1024 * 1024

/** What the agent sent is no message of the wire; the text names the field. */
export class Malformed extends Error {}

/** More than a body may hold; nothing of it was read. */
export class TooLarge extends Error {}

/** `value` as a message of `schema`. Throws Malformed. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Malformed(`${issue?.path.join('.') || 'body'}: ${issue?.message}`)
}

/** The body of an agent's request. Throws Malformed or TooLarge. */
export async function parse<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const announced = Number(c.req.header('content-length') ?? Number.NaN)
  if (Number.isNaN(announced)) throw new Malformed('body: announce its length (content-length)')
  if (announced > largestBodyBytes) throw new TooLarge(`body: at most ${largestBodyBytes} bytes`)
  const text = await c.req.text()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Malformed('body: must be JSON')
  }
  return parsed(schema, value)
}
