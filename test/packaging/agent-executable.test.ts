// The agent as one executable: it needs no Node.js, no files beside it, and nothing of its caller's environment.
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-packaged-'))
  const build = join(root, 'packaging/build-agent.ts')
  execFileSync(process.execPath, [build, '--out', directory], { stdio: 'pipe' })
}, 180_000)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

type Ended = { code: unknown; stderr: string }

/** Nothing on the path, and a NODE_OPTIONS that would end any Node.js that minded it. */
function run(...args: string[]): Promise<Ended> {
  const env = { PATH: '/nowhere', NODE_OPTIONS: '--no-such-option' }
  const options = { cwd: '/', env, timeout: 20_000 }
  return new Promise((resolve) => {
    execFile(join(directory, 'ha-agent'), args, options, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    )
  })
}

test('it runs without Node.js, and says how it is used', async () => {
  const { code, stderr } = await run('nonsense')
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage:') })
})

test('it asks a plane over HTTP, says what that answered, and leaves nothing but its data', async () => {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    request.on('data', (part: Buffer) => asked.push(JSON.parse(part.toString())))
    request.on('end', () => {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ title: 'no such token', status: 403, code: 'forbidden' }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const home = join(directory, 'home')
  const args = ['--home', home, '--node', 'n1', '--join-token', 'x'.repeat(20), '--url', url]
  const { stderr } = await run('join', ...args)
  server.close()
  expect(stderr).toContain('the plane refused the join: forbidden')
  expect(asked).toMatchObject([{ node: 'n1', drivers: expect.arrayContaining(['process']) }])
  expect(readdirSync(home).filter((name) => name !== 'hardware-id')).toEqual([])
})

test('it tells nothing of the machine it was built on', () => {
  expect(readFileSync(join(directory, 'agent/ha-agent.cjs'), 'utf8')).not.toContain(root)
})
