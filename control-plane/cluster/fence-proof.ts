// Whether what the fence devices of a node reported proves that it was off (rule 6, `device-off`). Pure. Every feed, each
// read `off` twice in a row after its command, speaking of the right machine. Anything else is no proof.
import { identityText, isSameMachine } from '../../shared/machine-identity.ts'
import type {
  FencedDeviceView,
  FenceDeviceView,
  FenceReportView,
  PowerReading,
} from './fence-view.ts'

/** Between the two readings: a device that errs once does not err twice, and what was handed out has landed (δ). */
export function readingGapMs({ marginMs }: { marginMs: number }): number {
  return Math.max(1_000, marginMs)
}

/** What a proof needs of a node's report. */
export type ProofNeeds = {
  /** The least time between the first readings and the second ones. */
  gapMs: number
  /** A virtual machine: its hypervisor may have let it go to another, and say off of what it left behind. */
  canMove: boolean
}

/**
 * Why the report does not prove that the node was off; null: it does.
 * @param devices all feeds of the node, as they are set up now
 */
export function doubtAboutReport(
  devices: readonly FenceDeviceView[],
  report: Pick<FenceReportView, 'devices'>,
  { gapMs, canMove }: ProofNeeds,
): string | null {
  if (devices.length === 0) return 'it has no fence device'
  const faulty = report.devices.find(({ fault }) => fault !== '')
  if (faulty) return `${faulty.name}: ${faulty.fault}`
  const pairs: [PowerReading, PowerReading][] = []
  for (const device of devices) {
    const said = report.devices.filter(({ name }) => name === device.name)
    const [only, ...others] = said
    if (!only || others.length > 0 || only.uid !== device.uid)
      return `${device.name} was set up anew since`
    const judged = judgeDevice(device, only, canMove)
    if (typeof judged === 'string') return `${device.name}: ${judged}`
    pairs.push(judged)
  }
  if (report.devices.length !== devices.length) return 'a device was removed since'
  // SAFETY: a machine with several feeds is off only while all of them are: every first reading lies before every second.
  const firstsMs = Math.max(...pairs.map(([first]) => first.answeredMs))
  const secondsMs = Math.min(...pairs.map(([, second]) => second.askedMs))
  return secondsMs - firstsMs >= gapMs ? null : 'its readings lie too close together'
}

/** The two readings that count, or why there are none. */
function judgeDevice(
  device: FenceDeviceView,
  { before, commandedMs, readings }: FencedDeviceView,
  canMove: boolean,
): [PowerReading, PowerReading] | string {
  if (commandedMs === null) return 'it has not accepted the command'
  // SAFETY: what was off here all along may be on elsewhere. What was there to be switched off was here.
  if ((canMove || device.kind === 'libvirt') && before !== 'on' && before !== 'paused')
    return 'it was off before it was told, and a virtual machine may have gone elsewhere'
  const [first, second] = readings.slice(-2)
  if (!first || !second) return 'it was not read twice'
  for (const { state, identity } of [first, second]) {
    if (!isSameMachine(device.expects, identity))
      return `it speaks of another machine (${identityText(identity)})`
    if (state !== 'off') return `it says ${state}`
  }
  if (first.askedMs < commandedMs) return 'it was not read twice after the command'
  return [first, second]
}
