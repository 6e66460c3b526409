// What could come next on a command line: from the command tree, and names from the plane. Silent when anything fails.
import type { Argument, Command, Option } from 'commander'
import type { GlobalFlags, Session } from './session.ts'

/** A shell must not hang because a plane does. */
const patienceMs = 1_500

/** Candidates for the last of `words` that begin as it does. */
export async function complete(program: Command, words: string[]): Promise<string[]> {
  const current = words.at(-1) ?? ''
  const place = walk(program, words.slice(0, -1))
  const candidates = await candidatesAt(place, current, words)
  return candidates.filter((word) => word.startsWith(current))
}

type Place = { command: Command; position: number; pending: Option | null; free: boolean }

/** Follows the words through the tree. `free`: behind `--`, where nothing is known. */
function walk(program: Command, words: string[]): Place {
  const place: Place = { command: program, position: 0, pending: null, free: false }
  for (const word of words) {
    if (place.free) continue
    if (place.pending) {
      place.pending = null
      continue
    }
    if (word === '--') place.free = true
    else if (word.startsWith('-')) {
      const option = word.includes('=')
        ? undefined
        : optionsOf(place.command).find((one) => one.long === word || one.short === word)
      if (option?.required) place.pending = option
    } else {
      const child =
        place.position === 0
          ? place.command.commands.find((one) => answersTo(one, word))
          : undefined
      if (child) place.command = child
      else place.position += 1
    }
  }
  return place
}

async function candidatesAt(place: Place, current: string, words: string[]): Promise<string[]> {
  if (place.free) return []
  if (place.pending) return valuesOf(place.pending, nounOfOption(place.pending), words)
  if (current.startsWith('-'))
    return optionsOf(place.command).flatMap((option) =>
      option.hidden ? [] : [option.long ?? option.short ?? ''],
    )
  const children = place.position === 0 ? visibleCommands(place.command) : []
  const known = place.command.registeredArguments
  const argument = known[place.position] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined)
  return [...children, ...(argument ? await valuesOf(argument, argument.name(), words) : [])]
}

function optionsOf(command: Command): Option[] {
  const help = command.createHelp()
  const own = help.visibleOptions(command)
  return command.parent
    ? [
        ...own,
        ...optionsOf(command.parent).filter((one) => !own.some((other) => other.long === one.long)),
      ]
    : [...own]
}

function visibleCommands(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .flatMap((one) => [one.name(), ...one.aliases()])
}

function answersTo(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word)
}

/** `--node <node>` takes a node, `--service <sid>` a service. */
function nounOfOption(option: Option): string {
  return /<([^>]+)>/.exec(option.flags)?.[1] ?? ''
}

async function valuesOf(what: Argument | Option, noun: string, words: string[]): Promise<string[]> {
  if (what.argChoices) return what.argChoices
  const read = names[noun]
  if (!read) return []
  try {
    return await Promise.race([withSession(words, read), patience()])
  } catch {
    return []
  }
}

const names: Record<string, (session: Session) => Promise<string[]>> = {
  sid: async (session) => (await list<{ sid: string }>(session, '/services')).map(({ sid }) => sid),
  node: async (session) =>
    (await list<{ name: string }>(session, '/nodes')).map(({ name }) => name),
  group: async (session) =>
    (await list<{ name: string }>(session, '/groups')).map(({ name }) => name),
  rule: async (session) => (await list<{ id: string }>(session, '/rules')).map(({ id }) => id),
  subject: async (session) => [
    ...(await (names.sid as (s: Session) => Promise<string[]>)(session)),
    ...(await (names.node as (s: Session) => Promise<string[]>)(session)),
  ],
}

async function list<Row>(session: Session, inside: string): Promise<Row[]> {
  return session.plane.get<Row[]>(await session.path(inside), { timeoutMs: patienceMs })
}

async function withSession(
  words: string[],
  read: (session: Session) => Promise<string[]>,
): Promise<string[]> {
  const { openSession } = await import('./session.ts')
  const session = await openSession(globalFlags(words))
  try {
    return await read(session)
  } finally {
    await session.plane.close()
  }
}

/** `--url`, `--token` and `--cluster` count while completing, too. */
function globalFlags(words: string[]): GlobalFlags {
  const flags: Record<string, string> = {}
  words.forEach((word, at) => {
    const [, name, inline] = /^--(url|token|cluster)(?:=(.*))?$/.exec(word) ?? []
    const value = inline ?? words[at + 1]
    if (name && value) flags[name] = value
  })
  return flags
}

function patience(): Promise<string[]> {
  return new Promise((resolve) => {
    setTimeout(() => resolve([]), patienceMs).unref()
  })
}
