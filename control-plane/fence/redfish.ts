// A machine's management controller by Redfish: PowerState, UUID and SerialNumber of its system, and a forced power-off.
// Certificates are verified, or the one that was pinned is believed and no other. Nothing is sent, the password least of
// all, before that. The password is in no fault and in no log.
import { z } from 'zod'
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import type { PowerState } from '../cluster/fence-view.ts'
import { type FenceDevice, FenceFault } from './fence-device.ts'

type Setup = Extract<FenceDeviceSetup, { kind: 'redfish' }>

const answersWithinMs = 10_000
const mostBytes = 1024 * 1024

const Members = z.object({ Members: z.array(z.object({ '@odata.id': z.string() })) })
const System = z.object({
  PowerState: z.string().nullish(),
  UUID: z.string().nullish(),
  SerialNumber: z.string().nullish(),
  Actions: z
    .object({ '#ComputerSystem.Reset': z.object({ target: z.string().optional() }).optional() })
    .optional(),
})

/** DMTF DSP0268, PowerState. Whatever else a controller says is not known. */
const powerStates: Record<string, PowerState> = {
  On: 'on',
  Off: 'off',
  PoweringOn: 'changing',
  PoweringOff: 'changing',
  Paused: 'paused',
}

export function redfishDevice(options: Setup['options'], secret: Setup['secret']): FenceDevice {
  const ask = (method: 'GET' | 'POST', path: string, signal: AbortSignal, body?: unknown) =>
    request(options, secret, { method, path, signal, body })

  const systemPath = async (signal: AbortSignal) => {
    if (options.system !== null) return options.system
    const { Members: members } = parse(Members, await ask('GET', '/redfish/v1/Systems', signal))
    const [only, ...others] = members
    if (!only || others.length > 0)
      throw new FenceFault(`the controller has ${members.length} systems: say which one`)
    return only['@odata.id']
  }
  let resetTarget: string | null = null
  const system = async (signal: AbortSignal) => {
    const path = await systemPath(signal)
    const found = parse(System, await ask('GET', path, signal))
    const usual = `${path}/Actions/ComputerSystem.Reset`
    resetTarget = found.Actions?.['#ComputerSystem.Reset']?.target ?? usual
    return found
  }

  const reset = async (ResetType: 'ForceOff' | 'On', signal: AbortSignal) => {
    // SAFETY: known since the last look. An order must not grow old while a slow controller says it once more (M15).
    if (resetTarget === null) await system(signal)
    await ask('POST', resetTarget!, signal, { ResetType })
  }

  return {
    async look(signal) {
      const { PowerState, UUID, SerialNumber } = await system(signal)
      return {
        state: powerStates[PowerState ?? ''] ?? 'unknown',
        identity: { uuid: said(UUID), serial: said(SerialNumber) },
      }
    },
    powerOff: (signal) => reset('ForceOff', signal),
    async powerOn(signal) {
      const { PowerState } = await system(signal)
      if (PowerState !== 'On') await reset('On', signal)
    },
  }
}

type Question = { method: 'GET' | 'POST'; path: string; signal: AbortSignal; body: unknown }

async function request(
  { url, user, pin }: Setup['options'],
  { password }: Setup['secret'],
  { method, path, signal, body }: Question,
): Promise<unknown> {
  // A controller that names another host must not be told the password there.
  const target = URL.parse(path, url)
  if (!path.startsWith('/') || target?.origin !== new URL(url).origin)
    throw new FenceFault('the controller names a path that is none')
  // Few planes have such devices: the client is loaded when the first one is asked.
  const { Agent, request: send } = await import('undici')
  const connect = pin === null ? { allowH2: false } : await pinned(pin)
  const dispatcher = new Agent({ connect, pipelining: 1 })
  try {
    const answer = await send(target, {
      ...{ method, signal, dispatcher },
      ...{ headersTimeout: answersWithinMs, bodyTimeout: answersWithinMs },
      headers: {
        accept: 'application/json',
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const { statusCode } = answer
    const content = await readBounded(answer.body)
    if (statusCode === 401 || statusCode === 403)
      throw new FenceFault(`the controller refuses its user (HTTP ${statusCode})`)
    if (statusCode < 200 || statusCode >= 300)
      throw new FenceFault(`the controller answers HTTP ${statusCode} to ${method} ${path}`)
    return content
  } finally {
    await dispatcher.destroy()
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<unknown> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of body) {
    bytes += part.length
    if (bytes > mostBytes) throw new FenceFault('the controller answers with more than 1 MiB')
    parts.push(part)
  }
  const content = Buffer.concat(parts).toString('utf8')
  try {
    return content === '' ? null : JSON.parse(content)
  } catch {
    return null
  }
}

/** Connections to the one certificate with this fingerprint, whoever signed it. */
async function pinned(pin: string) {
  const { buildConnector } = await import('undici')
  const wanted = plain(pin)
  // A resumed session would come without the certificate.
  const connector = buildConnector({
    ...{ rejectUnauthorized: false, maxCachedSessions: 0, allowH2: false },
  })
  const connect: typeof connector = (options, done) =>
    connector(options, (error, socket) => {
      if (error) return done(error, null)
      const { getPeerCertificate } = socket as { getPeerCertificate?: unknown }
      const seen =
        typeof getPeerCertificate === 'function'
          ? plain(
              (socket as import('node:tls').TLSSocket).getPeerCertificate().fingerprint256 ?? '',
            )
          : 'none: the connection is not encrypted'
      if (seen === wanted) return done(null, socket)
      socket.destroy()
      return done(new FenceFault(`its certificate is not the pinned one, but ${seen}`), null)
    })
  return connect
}

const plain = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase()

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new FenceFault('the controller’s answer is not one of Redfish')
  return parsed.data
}

function said(value: string | null | undefined): string | null {
  const word = value?.trim() ?? ''
  return word === '' ? null : word.slice(0, 200)
}
