// A server-sent stream read for ever: parsed, resumed after the last event seen, with a pause between attempts.
import { setTimeout } from 'node:timers/promises'
import { Failure, mayPass } from './failure.ts'
import type { Plane, Query } from './plane-client.ts'

export type ServerSentEvent = { id: number | null; data: unknown }

/** Pause before the stream is asked for again. */
const againMs = 1_000

/** Every event after `from`; ends only by an answer that asking again cannot change. */
export async function* readServerSentEvents(
  plane: Plane,
  path: string,
  query: Query,
  from: number | undefined,
): AsyncGenerator<ServerSentEvent> {
  let last = from
  const { signal } = new AbortController()
  for (;;) {
    try {
      const options = {
        query: { ...query, since: last },
        signal,
        ...(last === undefined ? {} : { lastEventId: last }),
      }
      let rest = ''
      for await (const chunk of plane.stream(path, options)) {
        const parsed = parseEvents(rest + chunk)
        rest = parsed.rest
        for (const event of parsed.events) {
          if (event.id !== null) last = event.id
          yield event
        }
      }
    } catch (cause) {
      // A refusal stays one; a lost connection, here or in the middle of a body, is tried again.
      if (cause instanceof Failure && !mayPass(cause)) throw cause
    }
    await setTimeout(againMs)
  }
}

/** Whole events of a piece of stream, and what is left of the last. Comments and events without data are skipped. */
export function parseEvents(text: string): { events: ServerSentEvent[]; rest: string } {
  const blocks = text.replaceAll('\r\n', '\n').split('\n\n')
  const rest = blocks.pop() ?? ''
  const events: ServerSentEvent[] = []
  for (const block of blocks) {
    let id: number | null = null
    const data: string[] = []
    for (const line of block.split('\n')) {
      const [, field, value = ''] = /^(id|data): ?(.*)$/.exec(line) ?? []
      if (field === 'data') data.push(value)
      else if (field === 'id' && /^\d+$/.test(value)) id = Number(value)
    }
    if (data.length === 0) continue
    try {
      events.push({ id, data: JSON.parse(data.join('\n')) })
    } catch {
      // Not one of ours; later events still count.
    }
  }
  return { events, rest }
}
