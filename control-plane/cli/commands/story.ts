// What happened and why: why, events, commands, audit.
import type { Command } from 'commander'
import type { CommandBody, EventBody, WhyBody } from '../../../shared/operator-api.ts'
import type { z } from 'zod'
import { formatMoment } from '../duration.ts'
import { usage } from '../failure.ts'
import { printOut, printText, segment, type Session, withPlane } from '../session.ts'
import { formatTable } from '../table.ts'

type Why = z.infer<typeof WhyBody>
type AuditRow = { at: string; actor: string; method: string; path: string; status: number }
type CommandFlags = { service?: string; open?: boolean; limit: string }
type EventFlags = {
  follow?: boolean
  since?: string
  limit?: string
  service?: string
  node?: string
}

/** Adds the commands that tell the story. */
export function addStory(program: Command): void {
  program
    .command('why')
    .description('how a service or node came to where it is, what it waits for, and the evidence')
    .argument('<subject>', 'a service id or a node name')
    .option('--placement', 'of a service: why on this node and on no other')
    .action(
      withPlane<{ placement?: boolean }>(async (session, [subject = ''], { placement }) => {
        if (placement) {
          const { showPlacement } = await import('./placement.ts')
          return showPlacement(session, subject, undefined)
        }
        const why = await session.plane.get<Why>(await session.path(`/why/${segment(subject)}`))
        session.print(why, () => formatWhy(why))
      }),
    )
  program
    .command('events')
    .description('what changed, each line with its reason')
    .option('--follow', 'go on with every new event until Ctrl-C')
    .option('--since <id>', 'only events after this one')
    .option('--limit <n>', 'at most so many', '50')
    .option('--service <sid>', 'only of this service')
    .option('--node <node>', 'only of this node')
    .action(withPlane<EventFlags>((session, _, flags) => events(session, flags)))
  program
    .command('commands')
    .description('the latest commands and how they ended')
    .option('--service <sid>', 'only of this service')
    .option('--open', 'only those that are not finished')
    .option('--limit <n>', 'at most so many', '50')
    .action(
      withPlane<CommandFlags>(async (session, _, flags) => {
        const commands = await session.plane.get<CommandBody[]>(await session.path('/commands'), {
          query: { sid: flags.service, open: flags.open, limit: whole(flags.limit, '--limit') },
        })
        session.print(commands, () =>
          formatTable(commands, [
            { title: 'COMMAND', value: (one) => one.uid },
            { title: 'AT', value: (one) => formatMoment(one.createdAt) },
            { title: 'BY', value: (one) => one.actor },
            {
              title: 'WHAT',
              value: (one) => [one.kind, one.sid, one.node].filter(Boolean).join(' '),
            },
            {
              title: 'STATUS',
              value: (one) => one.status,
              colour: (one) => (one.status === 'failed' || one.status === 'refused' ? 'red' : null),
            },
            { title: 'REASON', value: (one) => one.reason, optional: true },
          ]),
        )
      }),
    )
  program
    .command('audit')
    .description('who asked for which change, refused ones included')
    .option('--limit <n>', 'at most so many', '50')
    .action(
      withPlane<{ limit: string }>(async (session, _, { limit }) => {
        const rows = await session.plane.get<AuditRow[]>(await session.path('/audit'), {
          query: { limit: whole(limit, '--limit') },
        })
        session.print(rows, () =>
          formatTable(rows, [
            { title: 'AT', value: (row) => formatMoment(row.at) },
            { title: 'BY', value: (row) => row.actor },
            { title: 'ASKED', value: (row) => `${row.method} ${row.path}` },
            { title: 'ANSWER', value: (row) => String(row.status), align: 'right' },
          ]),
        )
      }),
    )
}

async function events(session: Session, flags: EventFlags): Promise<void> {
  const query = { sid: flags.service, node: flags.node }
  const path = await session.path('/events')
  const seen = await session.plane.get<EventBody[]>(path, {
    query: {
      ...query,
      limit: whole(flags.limit ?? '50', '--limit'),
      since: flags.since === undefined ? undefined : whole(flags.since, '--since'),
    },
  })
  const events = seen.toSorted((one, other) => one.id - other.id)
  if (!flags.follow) return session.print(events, () => events.map(formatEvent).join('\n'))
  for (const event of events) printEvent(session, event)
  await follow(session, query, events.at(-1)?.id ?? (flags.since ? Number(flags.since) : undefined))
}

function printEvent({ json }: Session, event: EventBody): void {
  if (json) printOut(JSON.stringify(event))
  else printText(formatEvent(event))
}

/** Ends with Ctrl-C only: a plane that goes away is asked again, from the last event seen. */
async function follow(
  session: Session,
  query: { sid: string | undefined; node: string | undefined },
  from: number | undefined,
): Promise<void> {
  const { readServerSentEvents } = await import('../event-stream.ts')
  const path = await session.path('/events/stream')
  for await (const { data } of readServerSentEvents(session.plane, path, query, from)) {
    printEvent(session, data as EventBody)
  }
}

/** One line: number, moment, what changed and why. */
export function formatEvent(event: EventBody): string {
  const line =
    event.why && !event.line.includes(event.why) ? `${event.line} (${event.why})` : event.line
  return `${event.id}  ${formatMoment(event.at)}  ${line}`
}

/** The story first, then the evidence, then where it stands now: the end is what a person looks for. */
export function formatWhy(why: Why): string {
  const blocks: string[] = []
  if (why.story.length > 0)
    blocks.push(why.story.map(({ at, line }) => `${formatMoment(at)}  ${line}`).join('\n'))
  if (why.evidence.length > 0)
    blocks.push(
      [
        'Evidence:',
        ...why.evidence.map((one) => {
          const scope =
            one.generation === null ? `lease epoch ${one.epoch}` : `generation ${one.generation}`
          return `  ${formatMoment(one.decidedAt)}  ${one.kind} for ${scope} on ${one.node}${factsText(one.facts)}`
        }),
      ].join('\n'),
    )
  blocks.push(
    `Now: ${why.now || 'nothing is known of it'}${why.waitsFor ? `\nWaits: ${why.waitsFor}` : ''}`,
  )
  return blocks.join('\n\n')
}

function factsText(facts: Record<string, unknown>): string {
  const parts = Object.entries(facts).map(([key, value]) => factText(key, value))
  return parts.length > 0 ? `: ${parts.join(', ')}` : ''
}

/** Moments are stored as milliseconds since 1970, as everything in a view; no duration is that long. */
function factText(key: string, value: unknown): string {
  if (key.endsWith('Ms') && typeof value === 'number' && value > 1e12)
    return `${key.slice(0, -2)} ${formatMoment(new Date(value).toISOString())}`
  if (key === 'devices' && Array.isArray(value)) return value.map(deviceText).join(' and ')
  return `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`
}

/** What a fence device proved: which machine it spoke of, how it found it, and when it read it off. */
function deviceText({ device, before, readings }: FencedDevice): string {
  const [{ uuid, serial }] = readings as [Reading]
  const machine = [uuid === null ? '' : `uuid ${uuid}`, serial === null ? '' : `serial ${serial}`]
  const looks = readings.map(({ state, at }) => `${state} at ${formatMoment(at)}`)
  return `${device} (${machine.filter(Boolean).join(', ')}) found it ${before}, then ${looks.join(' and ')}`
}

type Reading = { state: string; at: string; uuid: string | null; serial: string | null }
type FencedDevice = { device: string; before: string; readings: Reading[] }

function whole(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw usage(`${what} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}
