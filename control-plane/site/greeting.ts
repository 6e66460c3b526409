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
    '    npm run ha-manager -- status --watch                 the whole fleet, live',
    '    npm run ha-manager -- relocate process:web n2        move a service',
    '    npm run ha-manager -- restart process:hello          stop it and start it where it is',
    '    npm run ha-manager -- dev power-off n2               pull the plug of a node …',
    '    npm run ha-manager -- why process:web                … and read how its services came back',
    '',
    `  A dead node's services start elsewhere after about ${seconds} s${hint}.`,
    '  Ctrl-C stops all of it; the next start finds everything as it was.',
    '',
  ]
  return lines.join('\n')
}
