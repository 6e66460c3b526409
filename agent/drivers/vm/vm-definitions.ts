// Definitions of services that are left on this host. What is defined can be started, saved or set to autostart by others, so the
// definition of a machine that was taken over from here goes: when its grant is this node's, or it runs no more. A machine
// that runs runs on without it. Nothing is lost: the plane has the description, and a copy of it stays in `--home`.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, writeFileAtomically } from '../../files.ts'
import type { Asked } from '../driver.ts'
import type { Domain } from './domains.ts'
import { faultOf } from './virsh.ts'
import { DomainName } from './vm-meet.ts'
import { isOwn, type VmHost } from './vm-host.ts'

/** The description that libvirt keeps: not what only the machine that runs now has, and with its secrets. */
export const asDefined = (uuid: string) => ['dumpxml', '--inactive', '--security-info', uuid]

/** This node tells the plane how that machine is described: its definition goes once the plane manages it. */
export function noteTold({ taken }: VmHost, uuid: string): void {
  mkdirSync(taken, { recursive: true, mode: 0o700 })
  writeFileAtomically(markerOf(taken, uuid), '')
}

const markerOf = (taken: string, uuid: string) => join(taken, `${uuid}.told`)

/** Takes a definition away. @returns why it could not be, as one sentence; null: it is gone */
export async function undefine(
  host: VmHost,
  { uuid, name }: Pick<Domain, 'uuid' | 'name'>,
): Promise<string | null> {
  const { taken, virsh } = host
  const defined = await virsh.run(asDefined(uuid))
  if (defined.code !== 0) return faultOf(defined)
  mkdirSync(taken, { recursive: true, mode: 0o700 })
  writeFileAtomically(join(taken, `${name}.xml`), defined.stdout)
  const undone = await virsh.run(['undefine', uuid, '--keep-nvram', '--keep-tpm'])
  if (undone.code !== 0) return faultOf(undone)
  rmSync(markerOf(taken, uuid), { force: true })
  return null
}

/**
 * Takes away the definitions of what was taken over from here and `known`, where it does not run, or is `held`. One that cannot
 * be is left for the next look: the start gate holds all the same.
 * @param isInHand it is being started, stopped or moved
 */
export async function takeDefinitionsAway(
  host: VmHost,
  known: readonly Asked[],
  held: readonly string[],
  domains: readonly Domain[],
  isInHand: (sid: string) => boolean,
): Promise<void> {
  for (const { sid, spec } of known) {
    const read = DomainName.safeParse(spec)
    if (!read.success || readIfThere(markerOf(host.taken, read.data.uuid)) === null) continue
    const domain = domains.find(({ uuid }) => uuid === read.data.uuid)
    if (domain === undefined || isInHand(sid)) continue
    if (domain.isActive && !(isOwn(host, domain) && held.includes(sid))) continue
    if (!(await isDefined(host, domain.uuid))) rmSync(markerOf(host.taken, domain.uuid))
    else await undefine(host, domain)
  }
}

/** Whether libvirt would know of it without its machine. Throws if it cannot be told. */
export async function isDefined({ virsh }: VmHost, uuid: string): Promise<boolean> {
  return (await listed(virsh, '--persistent')).includes(uuid)
}

/** Uuids of the domains, running or not, of which this is so. */
export async function listed(virsh: VmHost['virsh'], ...which: string[]): Promise<string[]> {
  const said = await virsh.ask(['list', '--all', '--uuid', ...which])
  return said.split(/\s+/).filter(Boolean)
}
