// A virtual machine that somebody has made on this host, as it is to become a service: how it is described, and whether it runs.
// Changes nothing: what runs runs on, and is neither marked nor gated before the plane manages it.
import { setTimeout as pause } from 'node:timers/promises'
import type { NodeAnswer } from '../../../shared/node-question.ts'
import { longestDomainXml } from '../../../shared/specs/domain-xml.ts'
import { type Domain, lookAtDomain } from './domains.ts'
import { withoutMark } from './mark.ts'
import { asDefined, listed, noteTold } from './vm-definitions.ts'
import { isMovingAway, type VmHost } from './vm-host.ts'

const refused = (why: string): NodeAnswer => ({ kind: 'refused', why })
/** As many names as are told of what is here instead. */
const mostNames = 20
const looks = 3

/** Throws if it cannot be told. */
export async function describeMachine(
  host: VmHost,
  sid: string,
  name: string,
): Promise<NodeAnswer> {
  const { virsh } = host
  for (let look = 1; ; look++) {
    const names = (await virsh.ask(['list', '--all', '--name'])).split('\n').filter(Boolean)
    if (!names.includes(name)) return refused(notHere(name, names))
    const uuid = (await virsh.ask(['domuuid', name])).trim()
    const domain = await lookAtDomain(virsh, uuid)
    // Gone, or another one, since its name was listed.
    if (domain?.name === name) return describe(host, sid, domain)
    if (look === looks) return refused(`domain ${name} comes and goes: try again when it stays`)
    await pause(100)
  }
}

function notHere(name: string, names: string[]): string {
  if (names.length === 0) return `there is no domain ${name}, nor any other`
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
  return `there is no domain ${name}; there are: ${names.slice(0, mostNames).join(' ')}${more} (name one with --domain)`
}

async function describe(host: VmHost, sid: string, domain: Domain): Promise<NodeAnswer> {
  const { virsh } = host
  const { uuid, name } = domain
  const why = whyNotNow(host, sid, domain) ?? (await whyNotAsDefined(host, domain))
  if (why !== null) return refused(`domain ${name} ${why}`)
  const xml = withoutMark(await virsh.ask(asDefined(uuid)))
  if (xml.length > longestDomainXml)
    return refused(
      `domain ${name} is described in ${xml.length} characters: at most ${longestDomainXml} are kept`,
    )
  const isAutostarted = (await listed(virsh, '--autostart')).includes(uuid)
  // What is asked last counts: it may have begun or ended meanwhile.
  const now = await lookAtDomain(virsh, uuid)
  const changed = now === null ? 'has gone' : whyNotNow(host, sid, now)
  if (now === null || changed !== null) return refused(`domain ${name} ${changed}`)
  noteTold(host, uuid)
  const state = !now.isActive ? 'shut off' : now.state === 'paused' ? 'paused' : 'running'
  return { kind: 'described', name, uuid, xml, state, isAutostarted }
}

/** Whose it is, and what it is doing. */
function whyNotNow(host: VmHost, sid: string, domain: Domain): string | null {
  const { isActive, mark, state, reason } = domain
  if (mark !== null && mark.clusterUuid !== host.owner.clusterUuid)
    return `is a service of another cluster, as ${mark.sid}`
  if (mark !== null && mark.sid !== sid)
    return `is a service of this cluster already, as ${mark.sid}`
  if (mark !== null && mark.nodeUid !== host.owner.nodeUid)
    return 'bears the mark of another node: take <holdfast:service> out of its metadata (virsh edit)'
  if (!isActive) return null
  if (isMovingAway(host, domain) || (state === 'paused' && reason === 'migrating'))
    return 'is being migrated: wait until that has ended'
  if (['running', 'idle', 'paused'].includes(state)) return null
  return `is ${state}: it must run, be paused or be shut off`
}

/** What libvirt keeps of it, and would throw away with its definition. */
async function whyNotAsDefined(host: VmHost, { uuid, name, mark }: Domain): Promise<string | null> {
  const { virsh } = host
  // One that was a service of this very name has no definition, and needs none.
  if (mark === null && !(await listed(virsh, '--persistent')).includes(uuid))
    return `is transient, so nothing describes it but its machine: define it first, as it runs (virsh dumpxml ${name} >${name}.xml; virsh define ${name}.xml)`
  if ((await listed(virsh, '--with-managed-save')).includes(uuid))
    return `has a saved state, which would be lost: start it, or throw the state away (virsh managedsave-remove ${name})`
  if ((await listed(virsh, '--with-snapshot')).includes(uuid))
    return `has snapshots, which libvirt keeps with its definition: delete them (virsh snapshot-delete ${name} --metadata SNAPSHOT leaves their data)`
  if ((await listed(virsh, '--with-checkpoint')).includes(uuid))
    return `has checkpoints, which libvirt keeps with its definition: delete them (virsh checkpoint-delete ${name} --metadata CHECKPOINT leaves their data)`
  return null
}
