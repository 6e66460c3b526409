// What `npm start` tells: where things are, the token once, and what to try.
import type { Context } from './first-start.ts'
import type { DataFolder } from './data-folder.ts'

export type Greeting = {
  context: Context & { isNew: boolean }
  folder: DataFolder
  nodes: string[]
  online: number
  profile: string
  powerLossToStartMs: number
  services: { sid: string; state: string; node: string | null }[]
}

/** The text printed once everything stands. */
export function greeting(site: Greeting): string {
  const { context, folder } = site
  const width = Math.max(0, ...site.services.map((service) => service.sid.length))
  const services = site.services.map(
    ({ sid, state, node }) => `    ${sid.padEnd(width)}  ${state}${node ? ` on ${node}` : ''}`,
  )
  const seconds = Math.round(site.powerLossToStartMs / 1000)
  const hint = site.profile === 'fast' ? '' : ' (11 s with: npm start -- --profile fast)'
  const web = folder.record.webPort
  const lines = [
    '',
    'Holdfast is up.',
    `  control plane  ${context.url}   live status; API description at /docs`,
    ...(web === null
      ? []
      : [`  process:web    http://127.0.0.1:${web}   a service; it says where it runs`]),
    `  nodes          ${site.nodes.join(' ')}`,
    ...(site.online < site.nodes.length
      ? [
          `                 ${site.online} of ${site.nodes.length} are online so far; see logs/n1.log …`,
        ]
      : []),
    `  data and logs  ${folder.home}`,
    ...(services.length === 0 ? [] : ['  services', ...services]),
    '',
    ...(context.isNew
      ? [
          '  Admin token, shown this once; the commands below find it by themselves:',
          `    ${context.token}`,
          '',
        ]
      : []),
    '  Try, in another terminal:',
    ...toTry(site).map(
      ([command, what]) => `    npm run ha-manager -- ${command.padEnd(36)}  ${what}`,
    ),
    '',
    `  A dead node's services start elsewhere after about ${seconds} s${hint}.`,
    '  Ctrl-C stops all of it; the next start finds everything as it was.',
    '',
  ]
  return lines.join('\n')
}

/** Five commands that work on this site as it stands, in this order. */
function toTry({ services, nodes }: Greeting): [command: string, what: string][] {
  const known = services.find(({ sid }) => sid === 'process:web') ?? services[0]
  const sid = known?.sid ?? 'process:tick'
  // The first service of an empty site starts on the first node.
  const from = known ? known.node : nodes[0]
  const to = nodes.find((name) => name !== from)
  const restart: [string, string] = [`restart ${sid}`, 'stop it and start it where it is']
  const add: [string, string] = [`add ${sid} -- sleep 1000000`, 'a first service']
  const move: [string, string] = to
    ? [`relocate ${sid} ${to}`, 'move a service']
    : ['nodes', 'what is known of the node']
  return [
    ['status --watch', 'the whole fleet, live'],
    ...(known ? [move, restart] : [add, to ? move : restart]),
    [`dev power-off ${to ?? nodes[0]}`, 'pull the plug of a node …'],
    [`why ${sid}`, '… and read how its services came back'],
  ]
}
