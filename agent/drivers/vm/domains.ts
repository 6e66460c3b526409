// What libvirt's daemon says is on the host. A domain is listed from the moment the daemon takes up the call that creates
// it until nothing of it is left, so what is not listed is neither there nor being made.
import { setTimeout as pause } from 'node:timers/promises'
import type { Virsh } from './virsh.ts'
import { readMarked, type VmMark } from './mark.ts'

export type Domain = {
  uuid: string
  name: string
  /** Whether it has a machine; otherwise it is only a definition. */
  isActive: boolean
  /** As `virsh domstate` says: `running`, `paused`, `in shutdown`, … */
  state: string
  /** Why: `booted`, `user`, `migrating`, … */
  reason: string
  /** Operation of the job that is under way, as libvirt numbers them; null: none. */
  job: number | null
  mark: VmMark | null
}

export const outgoingMigration = 5

/** How often a list is asked for again when something of it vanished meanwhile. */
const mostLooks = 5
const lookAgainMs = 50

const details = (uuid: string) => [
  ['dumpxml', uuid],
  ['domstate', uuid, '--reason'],
  ['domjobinfo', uuid, '--rawstats'],
]
const perDomain = 3

/** Every domain of the daemon. Throws if it cannot be told. */
export async function lookAtDomains(virsh: Virsh): Promise<Domain[]> {
  for (let looks = 1; looks <= mostLooks; looks++) {
    const uuids = await listDomains(virsh)
    const answers = await virsh.askAll(uuids.flatMap(details))
    const domains = uuids.map((uuid, at) =>
      readDomain(uuid, answers.slice(perDomain * at, perDomain * (at + 1))),
    )
    // One that vanished in between is not on the next list.
    if (!domains.includes(null)) return domains as Domain[]
    await pause(lookAgainMs)
  }
  throw new Error(unclear)
}

/** The domain with this uuid; null: there is none. Throws if it cannot be told. */
export async function lookAtDomain(virsh: Virsh, uuid: string): Promise<Domain | null> {
  for (let looks = 1; looks <= mostLooks; looks++) {
    const domain = readDomain(uuid, await virsh.askAll(details(uuid)))
    if (domain !== null) return domain
    if (!(await listDomains(virsh)).includes(uuid)) return null
    await pause(lookAgainMs)
  }
  throw new Error(unclear)
}

const unclear = 'libvirt lists domains that it does not describe'

/** By its exit code it is known to be whole. */
async function listDomains(virsh: Virsh): Promise<string[]> {
  const said = await virsh.ask(['list', '--all', '--uuid'])
  return said
    .split('\n')
    .map((one) => one.trim())
    .filter(Boolean)
}

/** null: something of it is missing, because it vanished, or the daemon did. */
function readDomain(uuid: string, [xml = '', state = '', job = '']: string[]): Domain | null {
  const read = readMarked(xml)
  const said = /^(.+?)(?: \((.+)\))?$/m.exec(state.trim())
  if (read === null || said?.[1] === undefined) return null
  const [, shown, reason = ''] = said
  const isActive = shown !== 'shut off'
  const isComingIn = shown === 'paused' && reason === 'migrating'
  // Only of what is not there, or is coming in, does libvirt tell no job.
  if (isActive && !isComingIn && !/^Job type:/m.test(job)) return null
  return { uuid, ...read, isActive, state: shown, reason, job: jobOf(job) }
}

function jobOf(said: string): number | null {
  const type = Number(/^Job type: *(\d+)/m.exec(said)?.[1] ?? 0)
  // 1 and 2 are under way; the others tell how it ended.
  return type === 1 || type === 2 ? Number(/^operation: *(\d+)/m.exec(said)?.[1] ?? 0) : null
}
