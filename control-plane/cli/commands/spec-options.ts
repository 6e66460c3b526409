// What a service runs, as typed: options of each kind of service, or a file with the whole specification. The plane
// judges it; here only what cannot be read is refused.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { parseDurationMs } from '../duration.ts'
import { usage } from '../failure.ts'

export type SpecFlags = {
  spec?: string
  xml?: string
  env?: string[]
  dir?: string
  runAs?: string
  limit?: string[]
  agent?: string
  param?: string[]
  monitorInterval?: string
  live?: boolean
  container?: string
  lxcConfig?: string
  image?: string
  rootfs?: string
  network?: string
  volume?: string[]
  publish?: string[]
}
export type Spec = Record<string, unknown>

/** The options of add and set. */
export function specifies(command: Command): Command {
  return command
    .option(
      '--spec <file>',
      'the whole specification, as a file of JSON; other options come on top',
    )
    .option('--xml <file>', 'of vm: the domain, as virsh dumpxml --inactive prints it')
    .option('--env <name=value>', 'an environment variable; may be given several times', collect)
    .option('--dir <folder>', 'working folder, absolute')
    .option('--run-as <user:group>', 'of process: whom it runs as; the group may be left out')
    .option('--limit <name=value>', 'of process, like openFiles=1024; several times', collect)
    .option('--agent <agent>', 'of ocf: the resource agent, like ocf:heartbeat:IPaddr2')
    .option('--param <name=value>', 'of ocf: a parameter; may be given several times', collect)
    .option('--container <name>', 'of ct: a container that is there on its nodes')
    .option('--lxc-config <file>', 'of ct: the configuration of a new one')
    .option('--image <name>', 'of podman: what it runs, of a registry or of the node')
    .option('--rootfs <folder>', 'of podman: a root file system on its nodes instead')
    .option('--network <name>', 'of podman: host, none, or a network of its nodes')
    .option('--volume <host:inside>', 'of podman; may be given several times', collect)
    .option('--publish <port:port>', 'of podman; may be given several times', collect)
    .option('--monitor-interval <duration>', 'of ocf: how often it is looked at')
    .option('--live', 'of ocf: it moves while it runs, where its agent declares how')
    .option('--no-live', 'of ocf: it is stopped to be moved')
}

function collect(value: string, sofar: string[] = []): string[] {
  return [...sofar, value]
}

/** What is taken over as it stands. */
const texts: [flag: keyof SpecFlags, key: string][] = [
  ['dir', 'directory'],
  ['agent', 'agent'],
  ['container', 'container'],
  ['image', 'image'],
  ['rootfs', 'rootfs'],
  ['network', 'network'],
  ['volume', 'volumes'],
  ['publish', 'ports'],
]

/** The specification as it is to be: that of the file, else the one it has, with the options on top. */
export function specWishes(flags: SpecFlags, now: Spec): Spec {
  const spec: Spec = flags.spec === undefined ? { ...now } : readSpec(flags.spec)
  if (flags.xml !== undefined) spec['xml'] = read(flags.xml, '--xml')
  if (flags.env)
    spec['environment'] = { ...asObject(spec['environment']), ...pairs(flags.env, '--env') }
  for (const [flag, key] of texts) if (flags[flag] !== undefined) spec[key] = flags[flag]
  if (flags.runAs !== undefined) {
    const [user, group] = flags.runAs.split(':')
    delete spec['group']
    Object.assign(spec, { user }, group !== undefined && { group })
  }
  if (flags.limit) {
    const limits = Object.entries(pairs(flags.limit, '--limit'))
    spec['limits'] = {
      ...asObject(spec['limits']),
      ...Object.fromEntries(limits.map(([name, value]) => [name, Number(value)])),
    }
  }
  if (flags.param)
    spec['parameters'] = { ...asObject(spec['parameters']), ...pairs(flags.param, '--param') }
  if (flags.live !== undefined) spec['live'] = flags.live
  if (flags.lxcConfig !== undefined) spec['config'] = readLines(flags.lxcConfig, '--lxc-config')
  if (flags.monitorInterval !== undefined) {
    const operations = asObject(spec['operations'])
    const intervalMs = parseDurationMs(flags.monitorInterval, '--monitor-interval')
    spec['operations'] = {
      ...operations,
      monitor: { ...asObject(operations['monitor']), intervalMs },
    }
  }
  return spec
}

function readSpec(file: string): Spec {
  const text = read(file, '--spec')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw usage(`--spec ${file} is no JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage(`--spec ${file} must hold one JSON object`)
  return value as Spec
}

function read(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw usage(`${option} ${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Without comments and empty lines. */
function readLines(file: string, option: string): string[] {
  const lines = read(file, option).split('\n')
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

function asObject(value: unknown): Spec {
  return typeof value === 'object' && value !== null ? (value as Spec) : {}
}

function pairs(given: string[], option: string): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw usage(`${option} must be NAME=VALUE, not ${JSON.stringify(pair)}`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

/** What `set --delete` may take out of a specification. */
export const forgettableOfSpec: Record<string, string> = {
  env: 'environment',
  dir: 'directory',
  user: 'user',
  group: 'group',
  limit: 'limits',
  param: 'parameters',
  operations: 'operations',
  container: 'container',
  'lxc-config': 'config',
  image: 'image',
  rootfs: 'rootfs',
  network: 'network',
  volume: 'volumes',
  publish: 'ports',
}
