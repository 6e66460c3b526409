// The process driver on real processes: what it starts it finds again, and what it says is gone is gone.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Driver } from '../../agent/drivers/driver.ts'
import { createProcessDriver } from '../../agent/drivers/process/process-driver.ts'
import { parseStat, readProcess } from '../../agent/drivers/process/proc-table.ts'
import { sharedLook } from '../../agent/drivers/process/shared-look.ts'
import { systemClock } from '../../shared/clock.ts'

// Its own, for marks and cgroups are seen by whoever else runs these tests on this machine.
const owner = { clusterUuid: randomUUID(), nodeUid: randomUUID() }
const bootId = 'boot-test-1'
const sid = 'process:a'
let home: string
let driver: Driver
let exits: { sid: string; generation: number; detail: string }[]

function newDriver(options: { logLimits?: { bytes: number; keep: number } } = {}): Driver {
  const events = {
    exited: (one: string, generation: number, detail: string) =>
      void exits.push({ sid: one, generation, detail }),
  }
  const clock = systemClock()
  return createProcessDriver({
    home,
    owner,
    node: 'n1',
    bootId,
    clock,
    events,
    upkeepMs: 50,
    ...options,
  })
}

const start = (command: string[], generation = 1, mayStart = () => true) =>
  driver.start({ sid, generation, spec: { command }, mayStart })
const shell = (script: string) => ['/bin/sh', '-c', script]
const until = (what: () => unknown) =>
  vi.waitFor(() => expect(what()).toBeTruthy(), { timeout: 5_000, interval: 10 })
const read = (name: string) => {
  try {
    return readFileSync(join(home, name), 'utf8')
  } catch {
    return ''
  }
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-driver-'))
  exits = []
  driver = newDriver()
})
afterEach(async () => {
  await driver.stop(sid, 0)
  driver.detach()
  rmSync(home, { recursive: true, force: true })
})

describe('a start', () => {
  test('runs the command with its own words, environment and directory, and no shell in between', async () => {
    const command = [
      '/bin/sh',
      '-c',
      'echo "$1|$COLOUR|$PWD|$HOLDFAST_NODE|$HOLDFAST_SERVICE"; exec sleep 100',
      'x',
    ]
    const spec = {
      command: [...command, '$(id) `id` "'],
      environment: { COLOUR: 'red' },
      directory: '/tmp',
    }
    const result = await driver.start({ sid, generation: 3, spec, mayStart: () => true })
    expect(result.outcome).toBe('ok')
    await until(() => read('logs/a.log').includes('\n'))
    const mark = `${owner.clusterUuid}/${owner.nodeUid}/${sid}/3`
    expect(read('logs/a.log')).toBe(`$(id) \`id\` "|red|/tmp|n1|${mark}\n`)
    expect(await driver.survey()).toEqual([{ sid, generation: 3, state: 'running' }])
  })

  test.skipIf(process.getuid?.() !== 0)(
    'runs as the user and group of its specification, within its limits, and is still found and ended',
    async () => {
      const command = shell('id -un; id -gn; echo $USER; ulimit -n; ulimit -c; exec sleep 100')
      const limits = { openFiles: 77, coreBytes: 0 }
      const spec = { command, user: 'nobody', group: 'daemon', limits }
      expect((await driver.start({ sid, generation: 1, spec, mayStart: () => true })).outcome).toBe(
        'ok',
      )
      await until(() => read('logs/a.log').split('\n').length > 5)
      expect(read('logs/a.log')).toBe('nobody\ndaemon\nnobody\n77\n0\n')
      expect(await driver.survey()).toEqual([{ sid, generation: 1, state: 'running' }])
      expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
      expect(await driver.survey()).toEqual([])
    },
  )

  test.skipIf(process.getuid?.() !== 0)('as a user alone has that user’s groups', async () => {
    const spec = { command: shell('id -gn; exec sleep 100'), user: 'nobody' }
    await driver.start({ sid, generation: 1, spec, mayStart: () => true })
    await until(() => read('logs/a.log').includes('\n'))
    expect(read('logs/a.log')).toBe('nogroup\n')
  })

  test('as a user that is not there is an error that says so', async () => {
    const spec = { command: ['sleep', '100'], user: 'nobody-at-all' }
    await driver
      .start({ sid, generation: 1, spec, mayStart: () => true })
      .then(async ({ outcome, detail }) => {
        if (outcome === 'ok') await until(() => exits.length > 0)
        expect(exits[0]?.detail ?? detail).toBe('there is no such user here')
      })
  })

  test('that may not happen any more does not happen (S14)', async () => {
    const result = await start(shell(`touch ${home}/ran`), 1, () => false)
    expect(result.outcome).toBe('error')
    expect(await driver.survey()).toEqual([])
    expect(read('ran')).toBe('')
  })

  test('whose grant is gone by the time the launcher looks does not happen (the start gate)', async () => {
    const starting = start(shell('sleep 100'))
    // The spawn has happened; the launcher has yet to read its grant.
    rmSync(join(home, 'grants', sid), { force: true })
    const { outcome, detail } = await starting
    // The launcher may have been faster than this test: then the service runs, and is found.
    if (outcome === 'error') {
      expect(detail).toContain('gate')
      expect(await driver.survey()).toEqual([])
    }
  })

  test.each([
    ['a program that does not exist', ['/does/not/exist'], /not found/],
    ['one that ends at once', shell('exit 3'), /exit code 3/],
    ['one that is killed at once', shell('kill -9 $$'), /SIGKILL/],
  ])('of %s is an error that says so', async (_what, command, detail) => {
    const result = await start(command)
    expect(result).toMatchObject({ outcome: 'error', detail: expect.stringMatching(detail) })
    expect(exits).toEqual([])
  })

  test('of a specification that is none is invalid', async () => {
    const spec = { command: 'sleep 1' }
    const result = await driver.start({ sid, generation: 1, spec, mayStart: () => true })
    expect(result.outcome).toBe('invalid')
  })
})

describe('a running service', () => {
  test('whose main process ends is told, and what it leaves behind is found as unknown', async () => {
    await start(shell(`sleep 100 & echo $$ > ${home}/main; wait`))
    await until(() => read('main'))
    process.kill(Number(read('main')), 'SIGKILL')
    await until(() => exits.length > 0)
    expect(exits).toEqual([{ sid, generation: 1, detail: 'killed by SIGKILL' }])
    expect(await driver.survey()).toEqual([{ sid, generation: 1, state: 'unknown' }])
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(await driver.survey()).toEqual([])
  })

  test('is adopted by the next agent, which notices its end and can stop it (M14)', async () => {
    await start(shell(`echo $$ > ${home}/main; exec sleep 100`), 5)
    await until(() => read('main'))
    driver.detach()
    driver = newDriver()
    expect(await driver.survey()).toEqual([{ sid, generation: 5, state: 'running' }])
    process.kill(Number(read('main')), 'SIGKILL')
    await until(() => exits.length > 0)
    expect(exits[0]).toMatchObject({ sid, generation: 5 })
  })

  test('of another node, cluster or boot is not taken for one of ours', async () => {
    await start(shell('exec sleep 100'))
    const other = createProcessDriver({
      ...{ home: join(home, 'other'), owner: { ...owner, nodeUid: owner.clusterUuid }, bootId },
      ...{ clock: systemClock(), node: 'n2', events: { exited: () => {} } },
    })
    expect(await other.survey()).toEqual([])
    other.detach()
  })
})

describe('a stop', () => {
  test('ends a service that ends when asked, well before its timeout', async () => {
    await start(shell('trap "exit 0" TERM; while :; do sleep 0.05; done'))
    const beganMs = performance.now()
    expect(await driver.stop(sid, 10_000)).toEqual({ outcome: 'ok', detail: '' })
    expect(performance.now() - beganMs).toBeLessThan(3_000)
  })

  test('kills at the timeout what is deaf to SIGTERM, with a grandchild in a session of its own (D12, S16d)', async () => {
    const deaf = 'trap "" TERM; echo $$ > $0; while :; do sleep 0.2; done'
    await start(
      shell(
        `setsid /bin/sh -c '${deaf}' ${home}/grandchild & ${deaf.replace('$0', `${home}/main`)}`,
      ),
    )
    await until(() => read('main') && read('grandchild'))
    expect(await driver.stop(sid, 200)).toEqual({ outcome: 'ok', detail: '' })
    expect(readProcess(Number(read('main')))).toBe(null)
    expect(readProcess(Number(read('grandchild')))).toBe(null)
    expect(await driver.survey()).toEqual([])
  })

  test('asked for again can only become shorter', async () => {
    await start(shell('trap "" TERM; while :; do sleep 0.1; done'))
    const first = driver.stop(sid, 60_000)
    const second = driver.stop(sid, 100)
    expect((await first).outcome).toBe('ok')
    expect((await second).outcome).toBe('ok')
  })

  test('of a stopped (SIGSTOP) service still asks it before it kills', async () => {
    await start(
      shell(
        `trap "echo asked > ${home}/asked; exit 0" TERM; echo $$ > ${home}/main; while :; do sleep 0.05; done`,
      ),
    )
    await until(() => read('main'))
    process.kill(Number(read('main')), 'SIGSTOP')
    expect((await driver.stop(sid, 5_000)).outcome).toBe('ok')
    expect(read('asked')).toBe('asked\n')
  })

  test('of what does not run is ok, and takes a pending start its gate (S16a)', async () => {
    writeFileSync(join(home, 'grants', sid), `9 ${bootId}\n`)
    expect((await driver.stop(sid, 0)).outcome).toBe('ok')
    expect(read(`grants/${sid}`)).toBe('')
  })
})

test('logs are kept small while the service goes on writing', async () => {
  driver.detach()
  driver = newDriver({ logLimits: { bytes: 2_000, keep: 2 } })
  await start(shell('while :; do echo 0123456789012345678901234567890123456789; sleep 0.002; done'))
  await until(() => read('logs/a.log.2') !== '')
  expect(read('logs/a.log.3')).toBe('')
  const { size } = statSync(join(home, 'logs/a.log'))
  await until(() => statSync(join(home, 'logs/a.log')).size !== size)
  // Between two names while the logs are turned.
  await until(() => read('logs/a.log.1').includes('0123456789'))
})

test('all who look in one turn of the event loop share one look at the host, and the next turn has its own', async () => {
  let looks = 0
  const look = sharedLook(() => ++looks)
  expect([look(), look(), look()]).toEqual([1, 1, 1])
  await new Promise((resolve) => setImmediate(resolve))
  expect(look()).toBe(2)
})

test('each start has a grant of its own: a launcher that comes late cannot pass by the next one', async () => {
  const words: string[] = []
  for (let times = 0; times < 2; times++) {
    expect((await start(['sleep', '100'])).outcome).toBe('ok')
    words.push(read(`grants/${sid}`))
    await driver.stop(sid, 0)
  }
  expect(words[0]).toContain(`1 ${bootId} `)
  expect(words[0]).not.toBe(words[1])
})

test('a process that cannot be looked at is not gone', () => {
  expect(readProcess(2 ** 30)).toBe(null)
  // Whatever is no plain absence will do: here a file stands where a folder should.
  expect(() => readProcess('uptime' as unknown as number)).toThrow(/ENOTDIR/)
})

test('a new agent closes the start gate of whatever an earlier one was about to start', () => {
  writeFileSync(join(home, 'grants', sid), `9 ${bootId}\n`)
  driver.detach()
  driver = newDriver()
  expect(read(`grants/${sid}`)).toBe('')
})

describe('a line of /proc/PID/stat', () => {
  const fields = (state: string, threads: number) =>
    `12 (a) b (c)) ${state} 1 12 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 4711 0 0`

  test('is parsed whatever the name', () => {
    expect(parseStat(fields('S', 1))).toEqual({
      pid: 12,
      parent: 1,
      session: 12,
      startTime: '4711',
    })
  })

  test('of a zombie counts only while threads of it still run', () => {
    expect(parseStat(fields('Z', 1))).toBe(null)
    expect(parseStat(fields('Z', 3))).not.toBe(null)
  })
})
