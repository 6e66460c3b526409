// The Debian package on machines with a real systemd: what is installed runs, an upgrade stops no service, and the machine
// does not go down before its services have been ended by the shutdown policy.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCluster, createJoinToken, createToken } from '../../control-plane/store/bootstrap.ts'
import { Settings } from '../../shared/settings.ts'
import { testDatabase } from '../database.ts'
import { Operator } from '../e2e/operator.ts'
import { ReplicaProcess } from '../e2e/replica-process.ts'
import { waitFor } from '../e2e/wait.ts'
import { freePort } from '../global-setup.ts'
import { whyNoMachine } from '../nspawn/image.ts'
import { bootMachine, type Machine } from '../nspawn/machine.ts'

const root = resolve(import.meta.dirname, '../..')
const whyNot = whyNoMachine()
if (whyNot !== null) process.stderr.write(`skipped: the Debian package: ${whyNot}\n`)
const skipped = whyNot === null ? '' : ` (skipped: ${whyNot})`

describe.skipIf(whyNot !== null)(`the Debian package${skipped}`, { timeout: 120_000 }, () => {
  const db = testDatabase()
  let folder: string
  let operator: Operator
  let port: number
  let machine: Machine
  const inside = async (script: string) => {
    const { code, stdout, stderr } = await machine.run('sh', '-c', script)
    expect({ script, code, stderr }).toMatchObject({ code: 0 })
    return stdout.trim()
  }
  const install = (version: string) => inside(`dpkg -i ${folder}/holdfast_${version}_*.deb 2>&1`)
  const agentPid = () => inside('systemctl show ha-agent -p MainPID --value')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-deb-'))
    for (const version of ['0.1.0', '0.1.1'])
      execFileSync(process.execPath, [
        join(root, 'packaging/build-deb.ts'),
        ...['--out', folder, '--version', version],
      ])
    machine = await bootMachine(`deb-${process.pid}`, [folder], 'host')
    await install('0.1.0')
  }, 300_000)
  afterAll(async () => {
    await machine?.cutPower()
    rmSync(folder, { recursive: true, force: true })
  })

  test('asks for a join before the agent can run, and has no unit that failed', async () => {
    expect(await inside('systemctl is-enabled ha-agent holdfast-control-plane')).toBe(
      'enabled\nenabled',
    )
    expect(await inside('systemctl list-units --failed --no-legend')).toBe('')
    const { code, stderr } = await machine.run('ha-agent', 'run')
    expect(code).toBe(2)
    expect(stderr).toContain('has no identity')
  })

  test('brings up a plane, and a node that joins it by one command', async () => {
    port = await freePort()
    const plane = `DATABASE_URL=${db.url}\nHOLDFAST_PORT=${port}\n`
    writeFileSync(machine.path('/etc/holdfast/control-plane.env'), plane)
    await inside('systemctl start holdfast-control-plane')
    const cluster = { name: 'lab', development: true, settings: Settings.parse({}) }
    const { id } = await createCluster(db.sql, cluster)
    const token = { clusterId: id, name: 'tests', role: 'admin' as const, ttlSeconds: 3_600 }
    const url = `http://127.0.0.1:${port}`
    const replica = { name: 'packaged', url, ended: false }
    operator = new Operator(() => [replica], (await createToken(db.sql, token)).secret, 'lab')
    const use = { clusterId: id, uses: 1, ttlSeconds: 600, createdBy: 'tests' }
    const { secret } = await createJoinToken(db.sql, use)
    // A reader is all of a supervisor that this machine has: nothing here lets the watchdog fire.
    await inside(
      'mkfifo /run/wd; systemd-run --unit=reader -p DefaultDependencies=no sh -c "exec cat <>/run/wd >/dev/null"',
    )
    const options = '--watchdog simulated --drivers process,systemd'
    const environment = [
      ...[`HA_AGENT_OPTIONS="${options}"`, `HOLDFAST_BOOT_ID=boot-${process.pid}-1`],
      ...['HOLDFAST_WATCHDOG_FIFO=/run/wd', 'HOLDFAST_WATCHDOG_STATE=/run/wd.json'],
    ]
    const file = '/etc/holdfast/agent.env'
    writeFileSync(machine.path(file), environment.map((one) => `${one}\n`).join(''))
    await inside(
      `set -a; . ${file}; ha-agent join $HA_AGENT_OPTIONS --url ${url} --node n1 --token ${secret}`,
    )
    await inside('systemctl start ha-agent')
    await online()
  })

  test('stops no service when it is upgraded', async () => {
    const unit = '[Service]\nExecStart=/bin/sleep 4242\n'
    writeFileSync(machine.path('/etc/systemd/system/db.service'), unit)
    await inside('systemctl daemon-reload')
    await operator.post('/services', { sid: 'systemd:db', spec: {} })
    await operator.post('/services', { sid: 'process:web', spec: { command: ['sleep', '4243'] } })
    await waitFor(async () => (await services()).length === 2, {
      ...{ what: 'both services to run', timeoutMs: 30_000 },
    })
    const [before, agent] = [await services(), await agentPid()]
    await install('0.1.1')
    const isNew = async () => ![agent, '0'].includes(await agentPid())
    await waitFor(isNew, { what: 'the new agent', timeoutMs: 60_000 })
    await online()
    expect(await services()).toEqual(before)
    expect(await inside("dpkg-query -W -f '${Version}' holdfast")).toBe('0.1.1')
  })

  test('an agent that is killed is back at once, and its services were never away', async () => {
    const [before, agent] = [await services(), await agentPid()]
    await inside(`kill -9 ${agent}`)
    const isNew = async () => ![agent, '0'].includes(await agentPid())
    await waitFor(isNew, { what: 'the new agent', timeoutMs: 20_000 })
    await online()
    expect(await services()).toEqual(before)
  })

  test('does not let the machine go down before its services have been ended, and told', async () => {
    await inside('systemctl stop holdfast-control-plane')
    const elsewhere = new ReplicaProcess({
      ...{ site: folder, name: 'elsewhere', dir: folder, port, databaseUrl: db.url },
    })
    await elsewhere.ready()
    const seq = async () => Number((await db.sql`select seq from lease`)[0]?.seq)
    const last = await seq()
    const isRenewed = async () => (await seq()) > last
    await waitFor(isRenewed, { what: 'a renewal with the other plane', timeoutMs: 30_000 })
    await machine.shutDown()
    await elsewhere.end('SIGTERM', 5_000)
    const ended = await db.sql`select sid from evidence where kind = 'agent-stopped' order by sid`
    expect(ended.map(({ sid }) => sid)).toEqual(['process:web', 'systemd:db'])
  })

  /** Process ids of what runs as a service. */
  async function services(): Promise<string[]> {
    const { stdout } = await machine.run('pgrep', '-f', '^(/bin/)?sleep 424[23]$')
    return stdout.split('\n').filter(Boolean)
  }
  const online = () =>
    waitFor(async () => (await operator.status()).nodes[0]?.state === 'online', {
      ...{ what: 'the node to be online', timeoutMs: 60_000 },
    })
})
