// Any fence agent of Pacemaker's kind (fence_apc, fence_pve, …): a program of the plane's machine that is told what to do by its
// standard input. They know no serials. What they list under the plug counts as the machine's name, and must be the expected
// one each time it is looked; an agent that lists nothing proves nothing.
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import type { PowerState } from '../cluster/fence-view.ts'
import { type FenceDevice, FenceFault } from './fence-device.ts'
import { type Ran, runTool } from './run-tool.ts'

type Setup = Extract<FenceDeviceSetup, { kind: 'fence-agent' }>

/** Of the action `status`, as all agents have them; anything else is an error. */
const states: Record<number, PowerState> = { 0: 'on', 2: 'off' }

export function fenceAgentDevice(
  { agent, plug, parameters }: Setup['options'],
  { password }: Setup['secret'],
): FenceDevice {
  const ask = (action: string, signal: AbortSignal): Promise<Ran> => {
    const given = { ...parameters, plug, port: plug, password, action }
    const lines = Object.entries(given).flatMap(([key, value]) =>
      value === null ? [] : [`${key}=${value}\n`],
    )
    return runTool(agent, [], signal, lines.join(''))
  }
  const must = async (action: string, signal: AbortSignal): Promise<string> => {
    const ran = await ask(action, signal)
    // What it complains of may repeat what it was told.
    if (ran.code !== 0) throw new FenceFault(`${agent} fails at ${action} (exit code ${ran.code})`)
    return ran.stdout
  }
  return {
    async look(signal) {
      const name = nameOf(plug, await must('list', signal))
      const { code } = await ask('status', signal)
      const state = states[code]
      if (state === undefined) throw new FenceFault(`${agent} fails at status (exit code ${code})`)
      return { state, identity: { uuid: null, serial: name } }
    },
    async powerOff(signal) {
      await must('off', signal)
    },
    async powerOn(signal) {
      await must('on', signal)
    },
  }
}

/** Lines of `plug,name` with more behind it in some agents; null: it lists no such plug, or has no name for it. */
function nameOf(plug: string, listed: string): string | null {
  const names = listed
    .split(/\r?\n/)
    .map((line) => line.split(','))
    .filter(([first]) => first?.trim() === plug)
    .map(([, name = '']) => name.trim())
  return names.length === 1 && names[0] !== '' ? names[0]!.slice(0, 200) : null
}
