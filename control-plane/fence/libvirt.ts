// A virtual machine's hypervisor by libvirt: `virsh` on the plane's own machine. Only a domain that was destroyed, crashed or
// went down here is off: one that is paused or saved goes on, one that was migrated runs elsewhere, and of one whose end
// nobody remembers that cannot be told. Nor of one that had left and lost its way back: what had arrived of it was destroyed
// here, and it runs on where it was. That it had left the hypervisor remembers as its last completed job (virsh 6.0 and
// later), until its daemon is started anew or a way back is called off in good order.
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import type { PowerState } from '../cluster/fence-view.ts'
import { type FenceDevice, FenceFault, faultText } from './fence-device.ts'
import { complaint, runTool } from './run-tool.ts'

type Setup = Extract<FenceDeviceSetup, { kind: 'libvirt' }>

/** Why a domain may be `shut off` with nothing of it left that could go on. */
const ends = ['destroyed', 'crashed', 'shutdown']

export function libvirtDevice({ uri, domain }: Setup['options']): FenceDevice {
  const ask = (signal: AbortSignal, ...words: string[]) => virsh(uri, words, signal)
  const stateOf = async (signal: AbortSignal) =>
    (await ask(signal, 'domstate', '--reason', domain)).trim()
  const isSaved = async (signal: AbortSignal) =>
    !/^Managed save:\s+no$/m.test(await ask(signal, 'dominfo', domain))
  /** The last that ended well is a migration to another host. */
  const hasLeft = async (signal: AbortSignal) =>
    isOutgoing(await ask(signal, 'domjobinfo', '--completed', '--keep-completed', domain))
  const powerOf = async (signal: AbortSignal): Promise<PowerState> => {
    const said = await stateOf(signal)
    // SAFETY: it may be running at the other end. Taken for paused here, it would count as ended when the move is given up.
    if (isPassing(said)) return 'changing'
    if (/^(running|idle|in shutdown)\b/.test(said)) {
      await forgetLeaving(signal)
      return 'on'
    }
    // SAFETY: what is here and does not run may be what has arrived of a way back.
    if (/^(paused|pmsuspended|crashed)\b/.test(said))
      return (await hasLeft(signal)) ? 'unknown' : 'paused'
    const reason = /^shut off \(([^)]*)\)$/.exec(said)?.[1]
    if (reason === undefined || !ends.includes(reason)) return 'unknown'
    // SAFETY: what ended here may be what had arrived of a way back that was given up.
    if (await hasLeft(signal)) return 'unknown'
    // SAFETY: an image of its memory would be continued at the next start, with everything that ran.
    return (await isSaved(signal)) ? 'unknown' : 'off'
  }
  /** It runs here again, so that it had left says nothing of how it will end. Kept while it may be leaving just now. */
  const forgetLeaving = async (signal: AbortSignal) => {
    if (!(await hasLeft(signal)) || (await isMoving(ask(signal, 'domjobinfo', domain)))) return
    // Read without being kept, it is forgotten.
    await ask(signal, 'domjobinfo', '--completed', domain)
  }
  return {
    async look(signal) {
      const uuid = (await ask(signal, 'domuuid', domain)).trim().toLowerCase()
      return { state: await powerOf(signal), identity: { uuid, serial: null } }
    },
    async powerOff(signal) {
      // Destroyed in mid-move the machine may come alive at its target.
      if (await isMoving(ask(signal, 'domjobinfo', domain)))
        throw new FenceFault('it is being migrated just now')
      if (!(await stateOf(signal)).startsWith('shut off')) await ask(signal, 'destroy', domain)
      if (await isSaved(signal)) await ask(signal, 'managedsave-remove', domain)
    },
    async powerOn(signal) {
      if ((await powerOf(signal)) === 'off') await ask(signal, 'start', domain)
    },
  }
}

const isPassing = (said: string) =>
  /^(paused|running) \((migrating|post-copy.*|starting up)\)/.test(said)

const isOutgoing = (job: string) => /^Operation:\s+Outgoing migration$/m.test(job)

/** @throws FenceFault where that cannot be told: whatever is not known to stand still may be on its way */
async function isMoving(job: Promise<string>): Promise<boolean> {
  try {
    return /^Operation:.*migration/im.test(await job)
  } catch (error) {
    const fault = faultText(error)
    // Asked where it comes in.
    if (fault.includes('available only on the source host')) return true
    if (fault.includes('domain is not running')) return false
    throw error
  }
}

/** One command to its end. Throws what virsh complained of, in one line. */
async function virsh(uri: string, words: string[], signal: AbortSignal): Promise<string> {
  const ran = await runTool('virsh', ['--quiet', '--connect', uri, ...words], signal)
  if (ran.code === 0) return ran.stdout
  throw new FenceFault(`virsh ${words[0]}: ${complaint(ran) || `exit code ${ran.code}`}`)
}
