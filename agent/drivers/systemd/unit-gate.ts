// The start gate of a unit: a drop-in by which every start fails without the grant file, whoever asks for it, and by which the
// manager restarts nothing by itself. It lies in /etc, so that it is there before the agent is, after a reboot; it is also
// the mark by which the agent knows the units that are its business. Taken away by an administrator only.
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { readIfThere, writeFileAtomically } from '../../files.ts'
import type { Owner } from '../process/members.ts'
import { showUnit, showUnits, systemctl, type UnitState } from './unit-state.ts'

const directory = '/etc/systemd/system'
/** Read after all others, and so the one that counts. */
const file = 'zz-holdfast.conf'

export type GatedUnit = { sid: string; unit: string }

const path = (unit: string) => join(directory, `${unit}.d`, file)
const markOf = ({ clusterUuid, nodeUid }: Owner, sid: string) =>
  `# Holdfast ${clusterUuid}/${nodeUid} ${sid}`

function dropIn(owner: Owner, sid: string, grantFile: string): string {
  return `${markOf(owner, sid)}
# Only the agent starts this unit, and ends before it when the machine goes down. To take it back for good: remove this file,
# then systemctl daemon-reload.
[Unit]
AssertPathExists=${grantFile.replaceAll('%', '%%')}
StartLimitIntervalSec=0
Before=ha-agent.service
[Service]
Restart=no
`
}

/** The units that this node's agent has gated. */
export function gatedUnits(owner: Owner): GatedUnit[] {
  const mark = markOf(owner, '')
  return readdirSync(directory).flatMap((name) => {
    if (!name.endsWith('.service.d')) return []
    const unit = name.slice(0, -'.d'.length)
    const text = readIfThere(path(unit))
    if (!text?.startsWith(mark)) return []
    return [{ unit, sid: text.slice(mark.length, text.indexOf('\n')) }]
  })
}

/**
 * Puts the gate in and makes sure that it counts.
 * @returns one sentence if this unit cannot be a service of ours
 */
export async function installGate(
  { sid, unit }: GatedUnit,
  owner: Owner,
  grantFile: string,
): Promise<string | null> {
  const before = await showUnit(unit)
  const refusal = await whyNotOurs(before)
  if (refusal !== null) return refusal
  const wanted = dropIn(owner, sid, grantFile)
  if (before.enabled.startsWith('enabled')) await systemctl(['disable', '--', unit])
  if (readIfThere(path(unit)) !== wanted) {
    writeDropIn(unit, wanted)
    await reload()
  } else if (before.isStale || !isInForce(before)) await reload()
  const after = await showUnit(unit)
  if (isInForce(after)) return null
  return `the start gate of ${unit} is not in force: ${after.dropIns.at(-1) ?? 'it has no drop-in'} comes after it`
}

export type Gating = {
  grantFileOf: (sid: string) => string
  /** Told of those that have no gate yet, as they are before. */
  meet: (unit: GatedUnit, state: UnitState) => void
  /** Units whose gate did not come into force: for these the manager is not asked to take it up again. */
  hopeless: ReadonlySet<string>
  /** Units that were disabled before: what is enabled all the same is not for us to disable again and again. */
  disabled: Set<string>
}

/**
 * Puts the gate into units that may run here, whatever speaks against them as services of ours, and into those that are not
 * installed yet: whoever brings them finds it there. Throws if the manager does not take it up.
 * @returns those that have it, and in which something else comes after it
 */
export async function gateAll(
  units: readonly GatedUnit[],
  owner: Owner,
  { grantFileOf, meet, hopeless, disabled }: Gating,
): Promise<string[]> {
  const isNew = ({ sid, unit }: GatedUnit) =>
    readIfThere(path(unit)) !== dropIn(owner, sid, grantFileOf(sid))
  const fresh = units.filter(isNew)
  const before = await showUnits(fresh.map(({ unit }) => unit))
  for (const [index, one] of fresh.entries()) meet(one, before[index]!)
  for (const { sid, unit } of fresh) {
    writeDropIn(unit, dropIn(owner, sid, grantFileOf(sid)))
    // It is on disk by then: a long list must not keep this process from feeding.
    await setImmediate()
  }
  const names = units.map(({ unit }) => unit)
  let loaded = await showLoaded(names)
  const isOpen = (one: UnitState) => !isInForce(one) && !hopeless.has(one.name)
  if (fresh.length > 0 || loaded.some(isOpen)) {
    await reload()
    loaded = await showLoaded(names)
  }
  // Nothing enables it any more; its gate would refuse it all the same.
  const enabled = loaded.filter((one) => one.enabled.startsWith('enabled') && !disabled.has(one.id))
  for (const { id } of enabled) disabled.add(id)
  if (enabled.length > 0)
    await systemctl(['disable', '--', ...enabled.map(({ id }) => id)]).catch(() => {})
  return loaded.filter((one) => !isInForce(one)).map(({ name }) => name)
}

async function showLoaded(units: readonly string[]): Promise<UnitState[]> {
  return (await showUnits(units)).filter(({ load }) => load === 'loaded')
}

const reload = () => systemctl(['daemon-reload'], 60_000)

function writeDropIn(unit: string, text: string): void {
  mkdirSync(join(directory, `${unit}.d`), { recursive: true, mode: 0o755 })
  writeFileAtomically(path(unit), text)
  chmodSync(path(unit), 0o644)
}

const isInForce = ({ name, dropIns, isStale }: UnitState) =>
  !isStale && dropIns.at(-1) === path(name)

async function whyNotOurs(state: UnitState): Promise<string | null> {
  const { name, id, load, triggeredBy } = state
  if (load === 'not-found') return `there is no unit ${name} here`
  if (load !== 'loaded') return `${name} is ${load}`
  if (id !== name) return `${name} is another name of ${id}: use that`
  for (const trigger of await showUnits(triggeredBy))
    if (trigger.active === 'active' || trigger.enabled.startsWith('enabled'))
      return `${trigger.name} starts it whenever it likes: systemctl disable --now ${trigger.name}`
  return null
}

/** For tests and for whoever leaves a cluster: the unit is an ordinary one again. */
export async function removeGate(unit: string): Promise<void> {
  rmSync(path(unit), { force: true })
  await systemctl(['daemon-reload'], 60_000)
}
