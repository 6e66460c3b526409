// A management controller that speaks Redfish over real HTTPS (or HTTP), with one machine whose power it switches.
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const machine = { UUID: '4C4C4544-0034-4A10-8052-B4C04F333232', SerialNumber: 'SN-0042' }

export type Bmc = {
  url: string
  port: number
  pin: string
  power: string
  /** Everything that was asked, as `METHOD path`. */
  asked: string[]
  /** What came with each: `user:password`, or ''. */
  credentials: string[]
  /** Replaces the answer. */
  answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  close(): Promise<void>
}

/** A certificate that nobody signed, for 127.0.0.1. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bmc-'))
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-keyout',
          key,
          '-out',
          cert,
        ],
        ...['-subj', '/CN=bmc', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ],
      { stdio: 'pipe' },
    )
    return { key: readFileSync(key), cert: readFileSync(cert) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function startBmc(isEncrypted = true): Promise<Bmc> {
  const { key, cert } = certificate()
  const { raw } = new X509Certificate(cert)
  const bmc: Bmc = {
    ...{ url: '', port: 0, power: 'On', asked: [], credentials: [], answer: null },
    pin: createHash('sha256').update(raw).digest('hex'),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  const system = '/redfish/v1/Systems/1'
  const reset = `${system}/Actions/ComputerSystem.Reset`
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request
    bmc.asked.push(`${method} ${url}`)
    const [, basic = ''] = (headers.authorization ?? '').split(' ')
    bmc.credentials.push(Buffer.from(basic, 'base64').toString())
    let body = ''
    request.on('data', (part: Buffer) => {
      body += String(part)
    })
    request.on('end', () => {
      if (bmc.answer?.(request, response)) return
      const say = (status: number, content: unknown) =>
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(content === null ? '' : JSON.stringify(content))
      if (bmc.credentials.at(-1) !== 'fence:geheim') return say(401, { error: {} })
      if (url === '/redfish/v1/Systems') return say(200, { Members: [{ '@odata.id': system }] })
      if (url === system) {
        const Actions = { '#ComputerSystem.Reset': { target: reset } }
        return say(200, { ...machine, PowerState: bmc.power, Actions })
      }
      if (url !== reset || method !== 'POST') return say(404, { error: {} })
      const wanted = { ForceOff: 'Off', On: 'On' }[
        (JSON.parse(body) as { ResetType: string }).ResetType
      ]
      // As many do: what is so already cannot be commanded.
      if (wanted === undefined || wanted === bmc.power) return say(400, { error: {} })
      bmc.power = wanted
      return say(204, null)
    })
  }
  const server = isEncrypted ? createServer({ key, cert }, serve) : createPlain(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bmc.port = (server.address() as { port: number }).port
  bmc.url = `${isEncrypted ? 'https' : 'http'}://127.0.0.1:${bmc.port}`
  return bmc
}
