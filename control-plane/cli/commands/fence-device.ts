// fence-device add, list, remove, test: what can switch a node's machine off from outside. A password comes from a file or
// from standard input, never from the command line, where others could read it.
import { type Command, Option } from 'commander'
import type { z } from 'zod'
import type { FenceDeviceBody, FenceDeviceTest } from '../../../shared/fence-device.ts'
import type { StatusNode } from '../../../shared/operator-api.ts'
import { asTyped, refused, usage } from '../failure.ts'
import { explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { formatTable } from '../table.ts'

type Flags = Record<string, string | undefined>
type SetUp = FenceDeviceBody & { warnings: string[] }

const kinds = ['redfish', 'libvirt', 'fence-agent', 'simulated'] as const

/** Adds fence-device and what it can do. */
export function addFenceDevices(program: Command): void {
  const device = program
    .command('fence-device')
    .description('what can switch a node off, so that its services need not wait for its watchdog')
  device
    .command('add')
    .description('set up a fence device of a node, or the one of that name anew')
    .argument('<node>')
    .addArgument(program.createArgument('<kind>').choices([...kinds]))
    .option('--name <name>', 'what it is called; by default as its kind')
    .option('--address <url>', 'redfish: where the management controller is, https://…')
    .option('--user <user>', 'redfish: who asks')
    .option('--password-file <file>', 'a file with the password; - reads it here')
    .option('--system <path>', 'redfish: which system, where the controller has several')
    .option('--pin <fingerprint>', 'redfish: SHA-256 of its certificate; it alone is believed then')
    .option('--uri <uri>', 'libvirt: the hypervisor, as qemu+ssh://fence@host/system')
    .option(
      '--domain <name>',
      'libvirt: name or uuid of the node’s domain; by default the node’s name',
    )
    .option('--agent <name>', 'fence-agent: the program, as fence_apc')
    .option('--plug <plug>', 'fence-agent: the outlet or machine, as the agent calls it')
    .option('--param <key=value>', 'fence-agent: a parameter; may be repeated', collect, [])
    .option('--folder <path>', 'simulated: the folder of the node in a local site')
    .option('--uuid <uuid>', 'which machine it must speak of, if the node does not say so itself')
    .addOption(new Option('--serial <serial>', 'the same by its serial number'))
    .action(withPlane<Flags>(add))
  device
    .command('list')
    .description('the fence devices of a node, or of all nodes')
    .argument('[node]')
    .action(withPlane((session, [node]) => list(session, node)))
  device
    .command('remove')
    .description('forget a fence device and its secrets')
    .argument('<node>')
    .argument('<name>')
    .action(withPlane((session, [node = '', name = '']) => remove(session, node, name)))
  device
    .command('test')
    .description('ask for the machine it speaks of and its power; nothing is switched')
    .argument('<node>')
    .argument('[name]')
    .action(withPlane((session, [node = '', name]) => test(session, node, name)))
}

/** The plane tells what is wrong by its own fields. */
const optionsByField = {
  ...{ 'options.url': '--address', 'options.user': '--user', 'options.system': '--system' },
  ...{ 'options.pin': '--pin', 'options.uri': '--uri', 'options.domain': '--domain' },
  ...{ 'options.agent': '--agent', 'options.plug': '--plug', 'options.parameters': '--param' },
  ...{ 'options.folder': '--folder', 'secret.password': '--password-file' },
  ...{ 'expects.uuid': '--uuid', 'expects.serial': '--serial' },
}

async function add(
  session: Session,
  [node = '', kind = '']: string[],
  flags: Flags,
): Promise<void> {
  const name = flags.name ?? kind
  const { uuid = null, serial = null } = flags
  const expects = uuid === null && serial === null ? null : { uuid, serial }
  const body = { kind, expects, ...(await setup(node, kind, flags)) }
  const path = await devicePath(session, node, name)
  const query = { dryRun: session.dryRun || undefined }
  const answer = await session.plane.put<SetUp>(path, { body, query }).catch((cause: unknown) => {
    throw asTyped(cause, optionsByField)
  })
  session.print(answer, () => explain(session, answer, session.dryRun ? '' : isSetUp(node, answer)))
}

function isSetUp(node: string, { name, expects, warnings }: SetUp): string {
  return [
    `${name} can switch ${node} off: ${identityText(expects)}`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join('\n')
}

type Identity = { uuid: string | null; serial: string | null }

function identityText({ uuid, serial }: Identity): string {
  const parts = [uuid === null ? '' : `uuid ${uuid}`, serial === null ? '' : `serial ${serial}`]
  return parts.filter(Boolean).join(', ') || 'no identity'
}

/** Options and secret of a kind; what is missing is told by the name of its option. */
async function setup(node: string, kind: string, flags: Flags) {
  const need = (flag: string): string => {
    const text = flags[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]
    if (text === undefined) throw usage(`a ${kind} device needs --${flag}`)
    return text
  }
  switch (kind) {
    case 'redfish': {
      const [url, user, file] = [need('address'), need('user'), need('password-file')]
      const { system = null, pin = null } = flags
      return { options: { url, user, system, pin }, secret: { password: await readSecret(file) } }
    }
    case 'libvirt':
      return { options: { uri: need('uri'), domain: flags.domain ?? node } }
    case 'fence-agent': {
      const [agent, plug] = [need('agent'), need('plug')]
      const { passwordFile: file } = flags
      const password = file === undefined ? null : await readSecret(file)
      return { options: { agent, plug, parameters: parametersOf(flags) }, secret: { password } }
    }
    default:
      return { options: { folder: need('folder') } }
  }
}

function collect(text: string, before: string[]): string[] {
  return [...before, text]
}

function parametersOf(flags: Flags): Record<string, string> {
  const given = (flags.param ?? []) as unknown as string[]
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw usage(`--param must be like ip=192.0.2.1, not ${JSON.stringify(text)}`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/** The first line: editors end a file with a line break that is no part of a password. */
async function readSecret(file: string): Promise<string> {
  const { readFileSync } = await import('node:fs')
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw usage(`--password-file ${file} cannot be read: ${(error as Error).message}`)
  }
  const [line = ''] = text.split(/\r?\n/)
  if (line === '') throw usage(`--password-file ${file} has no password in its first line`)
  return line
}

async function list(session: Session, node: string | undefined): Promise<void> {
  const nodes = node === undefined ? await nodesWithDevices(session) : [node]
  const rows: (FenceDeviceBody & { node: string })[] = []
  for (const one of nodes) {
    const path = await session.path(`/nodes/${segment(one)}/fence-devices`)
    const devices = await session.plane.get<FenceDeviceBody[]>(path)
    rows.push(...devices.map((device) => ({ node: one, ...device })))
  }
  session.print(rows, () =>
    formatTable(rows, [
      { title: 'NODE', value: (row) => row.node },
      { title: 'NAME', value: (row) => row.name },
      { title: 'KIND', value: (row) => row.kind },
      { title: 'MACHINE', value: (row) => identityText(row.expects) },
      {
        title: 'WHERE',
        value: ({ options }) =>
          String(options.url ?? options.uri ?? options.agent ?? options.folder),
      },
    ]),
  )
}

async function nodesWithDevices(session: Session): Promise<string[]> {
  type Node = z.infer<typeof StatusNode>
  const nodes = await session.plane.get<Node[]>(await session.path('/nodes'))
  return nodes.flatMap(({ name, fenceDevices = [] }) => (fenceDevices.length > 0 ? [name] : []))
}

async function remove(session: Session, node: string, name: string): Promise<void> {
  const answer = await session.plane.delete(await devicePath(session, node, name), {
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => explain(session, answer, `${name} of ${node} is forgotten`))
}

async function test(session: Session, node: string, name: string | undefined): Promise<void> {
  const path = await session.path(`/nodes/${segment(node)}/fence-devices`)
  const names =
    name === undefined
      ? (await session.plane.get<FenceDeviceBody[]>(path)).map((device) => device.name)
      : [name]
  if (names.length === 0) throw refused(`${node} has no fence device`)
  const rows: FenceDeviceTest[] = []
  for (const one of names)
    rows.push(await session.plane.post<FenceDeviceTest>(`${path}/${segment(one)}/test`))
  session.print(rows, () =>
    formatTable(rows, [
      { title: 'NAME', value: (row) => row.name },
      { title: 'POWER', value: (row) => row.state ?? '---' },
      { title: 'MACHINE', value: (row) => (row.identity ? identityText(row.identity) : '---') },
      { title: 'VERDICT', value: verdict },
    ]),
  )
  const doubtful = rows.filter((row) => !row.isExpected).map((row) => row.name)
  if (doubtful.length > 0)
    throw refused(`${doubtful.join(' and ')} of ${node} cannot be relied on now`, {
      code: 'device-doubtful',
    })
}

function verdict({ fault, isExpected }: FenceDeviceTest): string {
  if (fault !== '') return fault
  return isExpected ? 'it is the machine that it must be' : 'IT SPEAKS OF ANOTHER MACHINE'
}

async function devicePath(session: Session, node: string, name: string): Promise<string> {
  return session.path(`/nodes/${segment(node)}/fence-devices/${segment(name)}`)
}
