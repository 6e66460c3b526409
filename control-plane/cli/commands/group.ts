// Groups: the nodes a service may or must run on, with priorities.
import type { Command } from 'commander'
import type { GroupBody } from '../../../shared/operator-api.ts'
import { usage } from '../failure.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'

type Flags = { nodes?: string; restricted?: boolean; nofailback?: boolean; comment?: string }

/** Adds groups, groupconfig, groupadd, groupset and groupremove. */
export function addGroups(program: Command): void {
  program
    .command('groups')
    .alias('groupconfig')
    .description('the groups and their nodes')
    .action(
      withPlane(async (session) => {
        const groups = await session.plane.get<GroupBody[]>(await session.path('/groups'))
        const { formatTable } = await import('../table.ts')
        session.print(groups, () =>
          formatTable(groups, [
            { title: 'GROUP', value: (group) => group.name },
            { title: 'NODES', value: (group) => formatNodes(group.nodes) },
            { title: 'RESTRICTED', value: (group) => (group.restricted ? 'yes' : 'no') },
            { title: 'NOFAILBACK', value: (group) => (group.nofailback ? 'yes' : 'no') },
            { title: 'COMMENT', value: (group) => group.comment, optional: true },
          ]),
        )
      }),
    )
  configures(
    program.command('groupadd').description('create a group').argument('<group>'),
    'new',
  ).action(withPlane<Flags>((session, [name = ''], flags) => add(session, name, flags)))
  configures(
    program.command('groupset').description('change a group').argument('<group>'),
    'set',
  ).action(withPlane<Flags>((session, [name = ''], flags) => set(session, name, flags)))
  program
    .command('groupremove')
    .description('remove a group that no service uses')
    .argument('<group>')
    .action(
      withPlane(async (session, [name = '']) => {
        const answer = await session.plane.delete(await session.path(`/groups/${segment(name)}`), {
          query: { dryRun: session.dryRun || undefined },
        })
        session.print(answer, () => explain(session, answer, `group ${name} removed`))
      }),
    )
}

function configures(command: Command, how: 'new' | 'set'): Command {
  const nodes = 'with priorities: n1:2,n2:1,n3 (higher is preferred)'
  if (how === 'new') command.requiredOption('--nodes <nodes>', nodes)
  else command.option('--nodes <nodes>', nodes)
  command.option('--restricted', 'its services run nowhere else')
  if (how === 'set') command.option('--no-restricted', 'its services may run elsewhere')
  command.option('--nofailback', 'no return to a preferred node that comes back')
  // Commander reads `--no-…` as the negation of `--…`, so the way back has a name of its own.
  if (how === 'set') command.option('--failback', 'return to a preferred node that comes back')
  return command.option('--comment <text>')
}

async function add(session: Session, name: string, flags: Flags): Promise<void> {
  const answer = await session.plane.post(await session.path('/groups'), {
    body: { name, ...wishes(flags) },
    query: { dryRun: session.dryRun || undefined },
  })
  const strangers = await strangersIn(session, flags)
  session.print(answer, () => explain(session, answer, `group ${name} added`) + strangers)
}

async function set(
  session: Session,
  name: string,
  flags: Flags & { failback?: boolean },
): Promise<void> {
  if (flags.failback && flags.nofailback)
    throw usage('--failback and --nofailback do not go together')
  const body = { ...wishes(flags), ...(flags.failback ? { nofailback: false } : {}) }
  if (Object.keys(body).length === 0)
    throw usage('nothing to change was given', {
      advice: 'ha-manager groupset --help lists the options.',
    })
  const path = await session.path(`/groups/${segment(name)}`)
  const { version } = await session.plane.get<GroupBody>(path)
  const answer = await session.plane.patch(path, {
    body,
    ifMatch: version,
    query: { dryRun: session.dryRun || undefined },
  })
  const strangers = await strangersIn(session, flags)
  session.print(answer, () => explain(session, answer, `group ${name} changed`) + strangers)
}

/** A group may name nodes that are still to come; one that was mistyped looks the same, so it is said. */
async function strangersIn(session: Session, flags: Flags): Promise<string> {
  if (flags.nodes === undefined || session.json) return ''
  const nodes = await session.plane.get<{ name: string }[]>(await session.path('/nodes'))
  const known = new Set(nodes.map(({ name }) => name))
  return Object.keys(parseNodes(flags.nodes))
    .filter((name) => !known.has(name))
    .map((name) => `\n${name} is not a node of this cluster: it counts from the day it joins`)
    .join('')
}

function wishes(flags: Flags): Record<string, unknown> {
  return {
    ...(flags.nodes === undefined ? {} : { nodes: parseNodes(flags.nodes) }),
    ...(flags.restricted === undefined ? {} : { restricted: flags.restricted }),
    ...(flags.nofailback === undefined ? {} : { nofailback: flags.nofailback }),
    ...(flags.comment === undefined ? {} : { comment: flags.comment }),
  }
}

/** `n1:2,n2` → { n1: 2, n2: 0 }. */
export function parseNodes(text: string): Record<string, number> {
  const nodes: Record<string, number> = {}
  for (const part of text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const match = /^([^:]+?)(?::(\d{1,4}))?$/.exec(part)
    if (!match)
      throw usage(`--nodes: ${JSON.stringify(part)} is not a node with a priority`, {
        advice: 'Give them like n1:2,n2:1,n3.',
      })
    const name = match[1] as string
    if (Object.hasOwn(nodes, name)) throw usage(`--nodes names ${name} twice`)
    nodes[name] = Number(match[2] ?? 0)
  }
  if (Object.keys(nodes).length === 0)
    throw usage('--nodes names no node', { advice: 'Give them like n1:2,n2:1,n3.' })
  return nodes
}

/** Preferred nodes first; priority 0 is not shown. */
export function formatNodes(nodes: Record<string, number>): string {
  return Object.entries(nodes)
    .toSorted(([one, a], [other, b]) => b - a || one.localeCompare(other))
    .map(([name, priority]) => (priority === 0 ? name : `${name}:${priority}`))
    .join(',')
}
