// `ha-agent doctor`: what a node lacks is found, with what to do about it, and nothing is changed by looking.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../../agent/config.ts'
import { describeFindings, examine, type Finding } from '../../agent/doctor.ts'
import { hostDrivers } from '../../agent/drivers/host-drivers.ts'
import { writeIdentity } from '../../agent/identity.ts'
import { noWatchdog } from '../../agent/watchdog/none.ts'
import type { Watchdog } from '../../agent/watchdog/watchdog.ts'
import { systemClock } from '../../shared/clock.ts'
import { profiles } from '../../shared/timing.ts'

let home: string
let server: Server
let url: string
let answer: { status: number; date: Date }

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
  answer = { status: 200, date: new Date() }
  server = createServer((_, response) => {
    response.writeHead(answer.status, { date: answer.date.toUTCString() }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.close()
  rmSync(home, { recursive: true, force: true })
})

const device: Watchdog = {
  ...noWatchdog('none'),
  info: () => ({ class: 'qualified', identity: 'iTCO_wdt', effectiveMs: 10_000 }),
  arm: () => expect.fail('looking must not start a countdown'),
  close: () => expect.fail('looking must not close anything'),
}

async function look(args: string[] = [], watchdog = device): Promise<Finding[]> {
  const read = readConfig(
    ['doctor', '--home', home, '--url', url, '--run', '/dev/shm/hf', ...args],
    {},
  )
  if ('fault' in read) throw new Error(read.fault)
  return await examine({
    config: read.config,
    isVirtual: false,
    outside: null,
    watchdog,
    clock: systemClock(),
  })
}
const about = (findings: Finding[], what: string) => findings.filter((one) => one.about === what)

test('a node that has joined, has a plane and a watchdog, is well, and nothing is written', async () => {
  writeIdentity(home, {
    ...{ nodeUid: crypto.randomUUID(), credential: 'secret', cluster: 'lab', node: 'n1' },
    ...{ clusterUuid: crypto.randomUUID(), urls: [url] },
  })
  const before = readdirSync(home)
  const findings = await look()
  expect(findings.filter(({ level }) => level === 'fail')).toEqual([])
  expect(describeFindings(findings)).toContain('node n1 of cluster lab')
  expect(describeFindings(findings)).not.toContain('secret')
  expect(readdirSync(home)).toEqual(before)
})

test('each failure says what to do', async () => {
  const findings = await look(['--url', 'http://127.0.0.1:1'], noWatchdog('none configured'))
  const failed = findings.filter(({ level }) => level === 'fail')
  expect(failed.map((one) => one.about)).toEqual(
    expect.arrayContaining(['identity', 'plane', 'watchdog']),
  )
  for (const { advice } of failed) expect(advice).toBeTruthy()
})

test('a watchdog that the lease of the cluster leaves no time to feed is a failure, with the lease it would need', async () => {
  const slow = { ...device, info: () => ({ ...device.info(0), effectiveMs: 65_000 }) }
  const [found] = about(await look([], slow), 'watchdog')
  expect(found).toMatchObject({ level: 'fail', advice: expect.stringContaining('longer lease') })
  expect(found?.found).toContain('may take 65 s to fire, and a lease of 60 s')
  // As the plane last told it, whatever was told at the join.
  const timing = { ...profiles.default, leaseMs: 204_000 }
  writeFileSync(join(home, 'journal.json'), JSON.stringify({ timing }))
  expect(about(await look([], slow), 'watchdog')[0]).toMatchObject({ level: 'ok' })
})

test('a plane without its database, and a clock that is far from the plane’s, are told', async () => {
  answer = { status: 503, date: new Date(Date.now() - 60_000) }
  const findings = await look()
  expect(about(findings, 'plane')).toMatchObject([{ level: 'warn' }])
  const clocks = about(findings, 'clock').map(({ found }) => found)
  expect(clocks.some((found) => /^(59|60|61) s from/.test(found))).toBe(true)
})

test('grants on a disk that outlives a reboot are a failure', async () => {
  const findings = await look(['--run', home])
  expect(about(findings, 'host')).toContainEqual(expect.objectContaining({ level: 'fail' }))
})

test('a driver that was asked for and cannot be had is a failure, any other is not', async ({
  skip,
}) => {
  const isWell = async (args: string[]) =>
    about(await look(args), 'drivers').every(({ level }) => level === 'ok')
  expect(await isWell([])).toBe(true)
  const lacking = hostDrivers.find((driver) => driver.whyNot() !== null)
  if (!lacking) return skip('this host lacks nothing')
  expect(await isWell(['--drivers', lacking.type])).toBe(false)
})

test('a virtual machine is told whether it would see that it was frozen', async () => {
  const read = readConfig(['doctor', '--home', home, '--run', '/dev/shm/hf'], {})
  if ('fault' in read) throw new Error(read.fault)
  const patient = { config: read.config, isVirtual: true, watchdog: device, clock: systemClock() }
  const rtc = { name: 'rtc0', stepMs: 1_000, readMs: () => 0 }
  expect(describeFindings(await examine({ ...patient, outside: rtc }))).toContain('sees by rtc0')
  const without = describeFindings(await examine({ ...patient, outside: null }))
  expect(without).toContain('no clock of the hypervisor')
})
