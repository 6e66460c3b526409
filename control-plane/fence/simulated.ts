// The switch of a virtual node's power, in a local site: its supervisor, asked over the socket in the node's folder. The
// intake lets only development clusters have it. It is off when nothing of the node is left running.
import { closeSync, openSync } from 'node:fs'
import { request } from 'node:http'
import { z } from 'zod'
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import { type FenceDevice, FenceFault } from './fence-device.ts'

type Setup = Extract<FenceDeviceSetup, { kind: 'simulated' }>

const Status = z.object({
  power: z.enum(['on', 'off', 'rebooting']),
  processes: z.number(),
  hardwareId: z.string().nullable(),
})

export function simulatedDevice({ folder }: Setup['options']): FenceDevice {
  return {
    async look(signal) {
      const { power, processes, hardwareId } = await flip(folder, 'GET', '/status', signal)
      const isOff = power === 'off' && processes === 0
      return {
        state: isOff ? 'off' : power === 'on' ? 'on' : 'changing',
        identity: { uuid: hardwareId, serial: null },
      }
    },
    async powerOff(signal) {
      await flip(folder, 'POST', '/power-off', signal)
    },
    async powerOn(signal) {
      await flip(folder, 'POST', '/power-on', signal)
    },
  }
}

async function flip(folder: string, method: string, path: string, signal: AbortSignal) {
  let descriptor: number
  try {
    descriptor = openSync(folder, 'r')
  } catch {
    throw new FenceFault('the folder of the node is not there')
  }
  try {
    // Named through its folder: a unix socket's name may be 107 bytes long, a folder's far longer.
    const socketPath = `/proc/self/fd/${descriptor}/control.sock`
    const text = await ask({ socketPath, path, method, signal })
    const status = Status.safeParse(JSON.parse(text))
    if (!status.success) throw new FenceFault('the supervisor of the node refuses')
    return status.data
  } finally {
    closeSync(descriptor)
  }
}

function ask(options: { socketPath: string; path: string; method: string; signal: AbortSignal }) {
  return new Promise<string>((resolve, reject) => {
    request({ ...options, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => resolve(text))
      response.once('error', reject)
    })
      .once('error', reject)
      .end()
  })
}
