// Units of the host's service manager that would start at boot what a resource agent runs: no gate keeps them from it, so
// `ha-agent doctor` names them. By their names alone, which tell the well-known ones; what a script, a line in fstab or a unit
// of another name starts is not found. Reads only.
import { existsSync } from 'node:fs'
import { OcfGroupSpec, OcfSpec } from '../../../shared/specs/ocf.ts'
import { isInstalled } from '../host-drivers.ts'
import { runCommand } from '../run-command.ts'

export type EnabledUnit = { sid: string; agent: string; unit: string }

const patienceMs = 10_000

/** Where a unit is not named as the agent's type is. */
const otherNames: Record<string, readonly string[]> = {
  apache: ['apache2', 'httpd'],
  dhcpd: ['isc-dhcp-server'],
  galera: ['mariadb', 'mysql', 'mysqld'],
  iscsitarget: ['tgt', 'target'],
  mariadb: ['mysql', 'mysqld'],
  mysql: ['mysqld', 'mariadb'],
  named: ['bind9'],
  nfsserver: ['nfs-server', 'nfs-kernel-server'],
  pgsql: ['postgresql'],
  'rabbitmq-cluster': ['rabbitmq-server'],
  redis: ['redis-server'],
}

/** Agents that need the daemon of their name, and run something else by it. */
const hosts = new Set(['docker', 'docker-compose', 'iscsi', 'lxc', 'podman'])

const program = /^\/(?:usr\/)?(?:local\/)?s?bin\/([\w.-]+)$/

/**
 * Which of `units`, all enabled, are named as what one of these services runs.
 * @param services with their specifications, of any type; those of resource agents count
 */
export function enabledFor(
  services: readonly { sid: string; spec: unknown }[],
  units: readonly string[],
): EnabledUnit[] {
  return services.flatMap(({ sid, spec }) =>
    resourcesOf(spec).flatMap(({ agent, parameters }) => {
      const names = namesOf(agent, Object.values(parameters))
      return units.filter((unit) => names.has(baseOf(unit))).map((unit) => ({ sid, agent, unit }))
    }),
  )
}

function resourcesOf(spec: unknown): Pick<OcfSpec, 'agent' | 'parameters'>[] {
  const single = OcfSpec.safeParse(spec)
  if (single.success) return [single.data]
  const group = OcfGroupSpec.safeParse(spec)
  return group.success ? group.data.members : []
}

function namesOf(agent: string, values: readonly string[]): Set<string> {
  const type = agent.slice(agent.lastIndexOf(':') + 1).toLowerCase()
  const programs = values.flatMap((value) => program.exec(value)?.[1] ?? [])
  const own = hosts.has(type) ? [] : [type, ...(otherNames[type] ?? [])]
  return new Set([...own, ...programs])
}

/** `postgresql@15-main.service` is one of `postgresql`. */
const baseOf = (unit: string) => unit.replace(/(@.*)?\.[a-z]+$/, '')

/** Services, timers, sockets and paths that the host's manager is set to start; none where it has no such manager. */
export async function enabledUnits(): Promise<string[]> {
  if (!isInstalled('systemctl') || !existsSync('/run/systemd/system')) return []
  const types = '--type=service,timer,socket,path'
  const shown = ['list-unit-files', '--state=enabled,enabled-runtime', types, '--plain']
  const { code, stdout } = await runCommand('systemctl', [...shown, '--no-legend', '--no-pager'], {
    timeoutMs: patienceMs,
  })
  return code === 0 ? unitsIn(stdout) : []
}

/** The first word of each line. */
export function unitsIn(text: string): string[] {
  return text.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || [])
}
