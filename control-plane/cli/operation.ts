// One operation from the request to its end: asked for, waited for as far as the caller wants, reported. About a service,
// a node or the whole cluster.
import { setTimeout } from 'node:timers/promises'
import type { CommandBody, RemovedBody, Status } from '../../shared/operator-api.ts'
import { parseDurationMs } from './duration.ts'
import { refused } from './failure.ts'
import { parseYesNo } from './option-value.ts'
import { type DryRun, formatDryRun } from './outcome-text.ts'
import { segment, type Session } from './session.ts'

export type Waiting = { wait?: string | true; purge?: string }

/** How long one request may be held by the plane. */
const longestHoldS = 30
const usualWait = '120s'
/** Between two questions, for a plane that answers at once. */
const pauseMs = 250

/** What is asked for, of what, and what a wait that ran out says it still waits for. */
type Asked = {
  /** As a person would say it: `relocate process:web`. */
  what: string
  path: string
  method: 'post' | 'delete'
  body?: unknown
  advice: string
  waitsFor(status: Status): string | undefined
}

/** Asks for the operation and prints how it ended, or that it was accepted. Throws where it failed. */
export async function operate(
  session: Session,
  sid: string,
  kind: string,
  body: unknown,
  options: Waiting,
): Promise<void> {
  const service = `/services/${segment(sid)}`
  await follow(session, options, {
    what: `${kind} ${sid}`,
    path: kind === 'remove' ? service : `${service}/${kind}`,
    method: kind === 'remove' ? 'delete' : 'post',
    body,
    advice: `ha-manager why ${sid} tells the story.`,
    waitsFor: ({ services }) => services.find((one) => one.sid === sid)?.note,
  })
}

/** The same for a command about the whole cluster, or about one node of it. */
export async function operateCluster(
  session: Session,
  what: string,
  path: string,
  body: unknown,
  options: Waiting,
  node?: string,
): Promise<void> {
  await follow(session, options, {
    ...{ what, path, method: 'post', body },
    advice: node ? `ha-manager why ${node} tells the story.` : 'ha-manager status shows how far.',
    waitsFor: ({ fencing, nodes, services }) =>
      node === undefined
        ? fencing.waitsFor
        : nodes.find((one) => one.name === node)?.note ||
          services.find((one) => one.node === node && one.note !== '')?.note,
  })
}

async function follow(session: Session, options: Waiting, asked: Asked): Promise<void> {
  const waitMs = waitOf(options)
  const deadline = performance.now() + waitMs
  const holdS = session.dryRun ? 0 : Math.min(longestHoldS, Math.ceil(waitMs / 1_000))
  const path = await session.path(asked.path)
  const answer = await session.plane[asked.method]<CommandBody & Partial<RemovedBody>>(path, {
    ...(asked.body === undefined ? {} : { body: asked.body }),
    query: { dryRun: session.dryRun || undefined, wait: holdS || undefined, ...purgeOf(options) },
    timeoutMs: 15_000 + holdS * 1_000,
  })
  let command: CommandBody = answer
  if (session.dryRun) return session.print(answer, () => formatDryOperation(answer))
  while (isOpen(command) && performance.now() < deadline) {
    command = await lookAgain(session, command, deadline)
    if (isOpen(command)) await setTimeout(pauseMs)
  }
  if (command.status === 'failed' || command.status === 'refused') throw failed(asked, command)
  if (waitMs > 0 && isOpen(command)) throw await unfinished(session, asked, command)
  session.print({ ...answer, ...command }, () =>
    [sentence(asked, command), ...ruleLines(answer.rules)].join('\n'),
  )
}

/** A removal does something to rules at once, not only in the next round. */
function formatDryOperation(answer: unknown): string {
  const dry = answer as DryRun<Partial<RemovedBody>>
  const lines = ruleLines(dry.would.body.rules).map((line) => `  ${line}`)
  return [formatDryRun(dry), ...lines].join('\n')
}

function purgeOf({ purge }: Waiting): { purge?: boolean } {
  return purge === undefined ? {} : { purge: parseYesNo(purge, '--purge') }
}

/** What a removal did to rules; nothing else does anything to them. */
function ruleLines(rules: RemovedBody['rules'] | undefined): string[] {
  return [
    ...(rules?.changed ?? []).map((id) => `rule ${id} goes on without it`),
    ...(rules?.disabled ?? []).map((id) => `rule ${id} is disabled: one service is left in it`),
    ...(rules?.deleted ?? []).map((id) => `rule ${id} is removed: no service is left in it`),
  ]
}

function waitOf({ wait }: Waiting): number {
  if (wait === undefined) return 0
  return parseDurationMs(wait === true ? usualWait : wait, '--wait')
}

async function lookAgain(
  session: Session,
  command: CommandBody,
  deadline: number,
): Promise<CommandBody> {
  const left = Math.min(longestHoldS, Math.ceil((deadline - performance.now()) / 1_000))
  return session.plane.get<CommandBody>(await session.path(`/commands/${segment(command.uid)}`), {
    query: { wait: left },
    timeoutMs: 15_000 + left * 1_000,
  })
}

function isOpen(command: CommandBody): boolean {
  return command.status === 'pending' || command.status === 'running'
}

function sentence({ what: asked }: Asked, command: CommandBody): string {
  const what = `${asked}${command.sid !== null && command.node ? ` ${command.node}` : ''}`
  if (command.status === 'done')
    return `${what}: done${command.reason ? ` (${command.reason})` : ''}`
  return `${what}: accepted as ${command.uid} (${command.status})`
}

function failed({ what, advice }: Asked, command: CommandBody) {
  const how = command.status === 'failed' ? 'failed' : 'was refused'
  return refused(`${what} ${how}: ${command.reason || 'no reason given'}`, {
    code: `command-${command.status}`,
    advice,
  })
}

/** A wait that ran out names what is still waited for. */
async function unfinished(session: Session, asked: Asked, command: CommandBody) {
  const status = await session.plane.get<Status>(await session.path('/status'))
  const note = asked.waitsFor(status)
  return refused(`${asked.what} is not finished yet${note ? `: ${note}` : ''}`, {
    code: 'wait-over',
    advice: `It goes on as command ${command.uid}; ha-manager commands shows how it ends.`,
  })
}
