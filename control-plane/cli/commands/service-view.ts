// What services are there: services, config, service show.
import type { Command } from 'commander'
import type { ServiceConfigBody, Status } from '../../../shared/operator-api.ts'
import type { ProcessSpec } from '../../../shared/specs/process.ts'
import { formatDuration } from '../duration.ts'
import { formatBytes } from '../option-value.ts'
import { segment, withPlane } from '../session.ts'

type Shown = ServiceConfigBody & { status: Status['services'][number] | null }

/** Adds the commands that show services. */
export function addServiceViews(program: Command): void {
  program
    .command('config')
    .description('the configuration of all services')
    .option('--type <type>', 'only services of this type')
    .action(
      withPlane<{ type?: string }>(async (session, _, { type }) => {
        const all = await session.plane.get<ServiceConfigBody[]>(await session.path('/services'))
        const services = all.filter(({ sid }) => type === undefined || sid.startsWith(`${type}:`))
        session.print(services, () => services.map(formatConfig).join('\n\n'))
      }),
    )
  program
    .command('services')
    .description('the services and where they are')
    .action(
      withPlane(async (session) => {
        const { services } = await session.plane.get<Status>(await session.path('/status'))
        const { serviceColumns } = await import('../status-text.ts')
        const { formatTable } = await import('../table.ts')
        session.print(services, () => formatTable(services, serviceColumns))
      }),
    )
  const service = program.command('service').description('one service')
  service
    .command('show')
    .description('configuration and state of one service')
    .argument('<sid>')
    .action(
      withPlane(async (session, [sid = '']) => {
        const shown = await session.plane.get<Shown>(
          await session.path(`/services/${segment(sid)}`),
        )
        session.print(shown, () =>
          [
            formatConfig(shown),
            `\tversion ${shown.version}`,
            ...(shown.status ? [formatState(shown.status)] : []),
          ].join('\n'),
        )
      }),
    )
}

/** The reference's format: the id, then one tab-indented `key value` line per set key, sorted. */
export function formatConfig(service: ServiceConfigBody): string {
  const spec = service.spec as Partial<ProcessSpec> | null
  const lines: Record<string, string> = {
    state: service.requested,
    max_restart: String(service.maxRestart),
    max_relocate: String(service.maxRelocate),
    ...(service.group ? { group: service.group } : {}),
    ...(service.failback ? {} : { failback: '0' }),
    ...(service.autoRebalance ? {} : { auto_rebalance: '0' }),
    ...(service.figures ? figureLines(service.figures) : {}),
    ...(service.node ? { node: service.node } : {}),
    ...(service.adoptedFrom ? { adopted_from: service.adoptedFrom } : {}),
    ...(service.comment ? { comment: service.comment } : {}),
    ...(service.stopTimeoutMs === null
      ? {}
      : { stop_timeout: formatDuration(service.stopTimeoutMs) }),
    ...(spec?.command ? { command: spec.command.map(quote).join(' ') } : {}),
    ...(spec?.directory ? { directory: spec.directory } : {}),
  }
  for (const [name, value] of Object.entries(spec?.environment ?? {}))
    lines[`env ${name}`] = quote(value)
  return [
    service.sid,
    ...Object.keys(lines)
      .toSorted()
      .map((key) => `\t${key} ${lines[key]!.replaceAll('\n', '\n\t\t')}`),
  ].join('\n')
}

function figureLines(figures: NonNullable<ServiceConfigBody['figures']>): Record<string, string> {
  return { cpus: String(figures.cpus), memory: formatBytes(figures.memoryBytes) }
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function formatState(service: Status['services'][number]): string {
  const where = `${service.state} on ${service.node ?? 'no node'}${service.target ? ` → ${service.target}` : ''}`
  return `\tnow ${where}${service.running ? ', running' : ''}${service.note ? ` (${service.note})` : ''}`
}
