// The pinned certificate: believed whoever signed it, and nothing is said to whoever shows another.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTransport } from '../../agent/http-transport.ts'

let folder: string
let server: Server
let url: string
let pin: string
const asked: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-pin-'))
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=plane']
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  pin = new X509Certificate(readFileSync(cert)).fingerprint256
  const options = { key: readFileSync(key), cert: readFileSync(cert) }
  server = createServer(options, (request, response) => {
    asked.push(`${request.method} ${request.headers.authorization}`)
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function ask(with_: string | null, to = url) {
  const transport = createTransport('secret', with_)
  try {
    return (await transport.post(to, '{}', 3_000)).status
  } finally {
    await transport.close()
  }
}

test('a plane that signed for itself is believed by its fingerprint, however that is written', async () => {
  expect(await ask(pin)).toBe(200)
  expect(await ask(pin.replaceAll(':', '').toLowerCase())).toBe(200)
  expect(asked).toEqual(['POST Bearer secret', 'POST Bearer secret'])
})

test('whoever shows another certificate hears nothing, nor does plain HTTP', async () => {
  asked.length = 0
  const other = pin.replace(/^../, pin.startsWith('00') ? '11' : '00')
  await expect(ask(other)).rejects.toThrow('not the pinned one')
  await expect(ask(pin, url.replace('https', 'http'))).rejects.toThrow('https only')
  await expect(ask(null)).rejects.toThrow(/self-signed/)
  expect(asked).toEqual([])
})
