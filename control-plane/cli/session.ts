// What every command that talks to a plane shares: the connection, the cluster, and how results are printed.
import type { Command, OptionValues } from 'commander'
import { type ContextFlags, findContext } from './context.ts'
import { refused, usage } from './failure.ts'
import { connectPlane, type Plane } from './plane-client.ts'
import { visible } from './visible.ts'

export type Session = {
  plane: Plane
  json: boolean
  dryRun: boolean
  /** `path` inside the cluster, such as `/services`; path segments through `segment`. */
  path(inside: string): Promise<string>
  cluster(): Promise<string>
  /** Prints the value as JSON or the text, whichever was asked for. */
  print(value: unknown, text: () => string): void
}

export type GlobalFlags = ContextFlags & { json?: boolean; dryRun?: boolean }
type Work<Options> = (session: Session, args: string[], options: Options) => Promise<void>

/** Wraps a command's work: opens a session from the flags, hands over arguments and options, closes it. */
export function withPlane<Options = OptionValues>(work: Work<Options>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command
    const session = await openSession(command.optsWithGlobals<GlobalFlags>())
    try {
      await work(session, command.args, command.opts() as Options)
    } finally {
      await session.plane.close()
    }
  }
}

/** `timeoutMs` caps every request: completion must never make a shell wait. */
export async function openSession(flags: GlobalFlags): Promise<Session> {
  const context = findContext(flags)
  const plane = await connectPlane(context)
  let cluster = context.cluster
  const session: Session = {
    plane,
    json: flags.json ?? false,
    dryRun: flags.dryRun ?? false,
    cluster: async () => (cluster ??= await onlyCluster(plane)),
    path: async (inside) => `/clusters/${segment(await session.cluster())}${inside}`,
    print: (value, text) =>
      session.json ? printOut(JSON.stringify(value, null, 2)) : printText(text()),
  }
  return session
}

async function onlyCluster(plane: Plane): Promise<string> {
  const names = (await plane.get<{ name: string }[]>('/clusters')).map(({ name }) => name)
  if (names.length === 1) return names[0] as string
  if (names.length === 0)
    throw refused('this plane has no cluster that this token may see', {
      advice: 'Create one with npm run admin -- cluster create NAME.',
    })
  throw usage(`this plane has several clusters: ${names.join(', ')}`, {
    advice: 'Name one with --cluster, or set HOLDFAST_CLUSTER.',
  })
}

/** One path segment from a name that may contain anything. */
export function segment(name: string): string {
  // A colon is allowed in a path, and reads better in logs.
  return encodeURIComponent(name).replaceAll('%3A', ':')
}

/** What is for people, on standard output. */
export function printText(text: string): void {
  printOut(visible(text))
}

/** One line, or several, on standard output as they are. */
export function printOut(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`)
}
