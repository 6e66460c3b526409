// A live move of a resource whose agent only asks a daemon of the host for it, as VirtualDomain does: the job is in no session
// and under no mark of this agent, and goes on when the action that asked is gone (S4, S16). Nothing but a stop ends it.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { carriedPair, sid } from './carried-pair.ts'
import { begun } from './carried-steps.ts'
import { until } from './made-host.ts'

const pair = carriedPair()
const { newDriver, migrate, on, read, count } = pair
let end = () => {}
afterEach(() => end())

/**
 * Moves what runs on n1 to n2 once it was asked to and a test lets it: or says `over`, where there is nothing to move any
 * more. The test is its parent: it is no child of the action.
 */
function aDaemon(): void {
  const script = `cd ${pair.home}
    while [ ! -f asked ] || [ ! -f go ]; do sleep 0.02; done
    mkdir -p n2; mv n1/runs n2/runs 2>/dev/null; echo 1 >over`
  const daemon = spawn('/bin/sh', ['-c', script], { stdio: 'ignore' })
  end = () => void daemon.kill('SIGKILL')
}
const asks = () => `echo 1 >${pair.home}/asked; sleep 600`
const letItGo = async () => {
  writeFileSync(join(pair.home, 'go'), '')
  await until(() => read('over'))
}
const nowhere = { n1: '', n2: '' }
const counts = () => ({ n1: count('n1'), n2: count('n2') })

describe('a job that migrate_to gave to a daemon', () => {
  test('is over, and has moved nothing, once the source says what is left after a timeout', async () => {
    aDaemon()
    on('n1', 'migrate_to', asks())
    const { source, target } = await begun(pair)
    expect(await migrate(source, { timeoutMs: 500 })).toMatchObject({
      ...{ outcome: 'timeout', left: 'nothing' },
    })
    expect((await target.stop(sid, 0)).outcome).toBe('ok')
    await letItGo()
    expect(counts()).toEqual(nowhere)
  })

  test('is over, and has moved nothing, once the source has been cancelled', async () => {
    aDaemon()
    on('n1', 'migrate_to', asks())
    const { source } = await begun(pair)
    const moving = migrate(source)
    await until(() => read('asked'))
    expect(await source.cancel!(sid)).toMatchObject({ left: 'nothing' })
    expect(await moving).toMatchObject({ left: 'nothing' })
    await letItGo()
    expect(counts()).toEqual(nowhere)
  })

  test('is over, and has moved nothing, once a later agent has settled what was lost in its crash', async () => {
    aDaemon()
    on('n1', 'migrate_to', asks())
    const { source } = await begun(pair)
    const moving = migrate(source)
    await until(() => read('asked'))
    source.detach()
    const next = newDriver('n1')
    expect(await next.cancel!(sid)).toMatchObject({ left: 'nothing' })
    expect(await next.survey()).toEqual([])
    await letItGo()
    expect(counts()).toEqual(nowhere)
    await moving
  })
})
