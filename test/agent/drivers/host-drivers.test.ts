// Which drivers a host gets, the start gate they share, and how they run the host's tools.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createGate } from '../../../agent/drivers/gate.ts'
import { chooseDrivers, type HostDriver, hostDrivers } from '../../../agent/drivers/host-drivers.ts'
import { runCommand } from '../../../agent/drivers/run-command.ts'
import { scratchFolderOfTest } from '../../scratch.ts'
import { isAlive } from './is-alive.ts'

const driver = (type: HostDriver['type'], why: string | null): HostDriver => ({
  ...{ type, whyNot: () => why },
  create: () => expect.fail('nothing is created'),
})
const folder = () => scratchFolderOfTest('drivers')

describe('the drivers of a host', () => {
  const known = [driver('process', null), driver('vm', 'virsh is not installed')]

  test('are those it can have, when none is asked for', () => {
    const chosen = chooseDrivers(null, known)
    expect(chosen).toMatchObject({ drivers: [{ type: 'process' }] })
  })

  test('are refused with what the host lacks, when they are asked for', () => {
    const fault = 'this host cannot run vm services: virsh is not installed'
    expect(chooseDrivers(['vm'], known)).toEqual({ fault })
    expect(chooseDrivers(['ct'], known)).toEqual({ fault: 'there is no driver for ct services' })
  })

  test('are plain commands alone for an agent that is not root, whatever is installed', () => {
    const asked = vi.spyOn(process, 'getuid').mockReturnValue(1_000)
    const chosen = chooseDrivers(null)
    asked.mockRestore()
    expect(chosen).toMatchObject({ drivers: [{ type: 'process' }] })
  })

  test('are one of each kind', () => {
    const types = hostDrivers.map(({ type }) => type)
    expect(new Set(types).size).toBe(types.length)
  })
})

describe('the start gate', () => {
  test('of whatever an earlier process was about to start is closed when the driver begins', () => {
    const directory = folder()
    writeFileSync(join(directory, 'vm:100'), '7 boot\n')
    writeFileSync(join(directory, 'ct:100'), '8 boot\n')
    createGate(directory, 'vm', 'boot')
    expect(existsSync(join(directory, 'vm:100'))).toBe(false)
    expect(existsSync(join(directory, 'ct:100'))).toBe(true)
  })

  test('is open from the start of a service to its closing, and names generation and boot', () => {
    const gate = createGate(folder(), 'vm', 'boot-1')
    gate.open('vm:100', 7)
    expect(readFileSync(gate.path('vm:100'), 'utf8')).toBe('7 boot-1\n')
    gate.close('vm:100')
    expect(existsSync(gate.path('vm:100'))).toBe(false)
    gate.close('vm:100')
  })
})

describe('a tool of the host', () => {
  const sh = (script: string, timeoutMs = 10_000, mostBytes?: number) =>
    runCommand('/bin/sh', ['-c', script], {
      timeoutMs,
      ...(mostBytes !== undefined && { mostBytes }),
    })

  test('gives back its exit code and what it said', async () => {
    const result = await sh('echo out; echo err >&2; exit 3')
    expect(result).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n', isTimeout: false })
  })

  test('that never ends is killed with everything it began', async () => {
    const directory = folder()
    const result = await runCommand('/bin/sh', ['-c', 'sleep 600 & echo $! >pid; wait'], {
      ...{ timeoutMs: 300, directory },
    })
    expect(result).toMatchObject({ code: null, isTimeout: true })
    const pid = readFileSync(join(directory, 'pid'), 'utf8').trim()
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  test('that is called off is killed with everything it began', async () => {
    const directory = folder()
    const abort = new AbortController()
    const running = runCommand('/bin/sh', ['-c', 'sleep 600 & echo $! >pid; wait'], {
      ...{ timeoutMs: 10_000, directory, signal: abort.signal },
    })
    const file = join(directory, 'pid')
    const said = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
    // The file is there before there is anything in it.
    await expect.poll(said).toMatch(/^\d+\n$/)
    abort.abort()
    expect(await running).toMatchObject({ code: null, isTimeout: false })
    const pid = said().trim()
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  test('that leaves something running has ended when it ends itself, if that is asked for', async () => {
    const script = 'sleep 600 & echo $!'
    const options = { timeoutMs: 10_000, leavesRunning: true }
    const { code, stdout, isTimeout } = await runCommand('/bin/sh', ['-c', script], options)
    expect({ code, isTimeout }).toEqual({ code: 0, isTimeout: false })
    expect(isAlive(stdout.trim())).toBe(true)
    process.kill(Number(stdout), 'SIGKILL')
  })

  test('that says too much is cut off, not kept', async () => {
    const result = await sh('head -c 100000 /dev/zero | tr "\\0" x', 10_000, 1_000)
    expect(result.stdout).toHaveLength(1_000)
  })

  test('that is not there is told, not thrown', async () => {
    const result = await runCommand('/no/such/tool', [], { timeoutMs: 1_000 })
    expect(result).toMatchObject({ code: null, isTimeout: false })
    expect(result.stderr).toContain('ENOENT')
  })

  test('of a virtual node goes down with its power, and so does what it starts', async () => {
    vi.stubEnv('HOLDFAST_NODE_BOOT', 'node-and-boot')
    const { stdout } = await sh('echo "$HOLDFAST_NODE_BOOT"')
    vi.unstubAllEnvs()
    expect(stdout).toBe('node-and-boot\n')
  })

  test('inherits nothing of the agent but the search path', async () => {
    const { stdout } = await sh('env | cut -d= -f1 | sort | tr "\\n" " "')
    expect(stdout).not.toContain('HOLDFAST')
    expect(stdout).toContain('PATH')
  })
})
