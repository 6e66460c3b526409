// One trouble on machines with real kernels, for whoever asks for it; all of them: npm run test:machines.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emulated, Lab } from './lab.ts'
import { whyNoMachines } from './requirements.ts'
import { runTrouble, type Trouble, troubles } from './scenarios.ts'

const variable = 'HOLDFAST_TEST_MACHINES'
const whyNot = process.env[variable] === '1' ? whyNoMachines() : `set ${variable}=1: takes minutes`
if (whyNot !== null) process.stderr.write(`skipped: virtual machines: ${whyNot}\n`)
const skipped = whyNot === null ? '' : ` (skipped: ${whyNot})`

describe.skipIf(whyNot !== null)(`three virtual machines${skipped}`, { timeout: 240_000 }, () => {
  let lab: Lab
  beforeAll(async () => {
    lab = new Lab({ timing: emulated, onLeaseLoss: 'reset' })
    await lab.start()
    for (const name of ['one', 'two', 'three']) await lab.addService(name)
  }, 300_000)
  afterAll(() => lab?.end(), 60_000)

  test('one that is cut off is reset by its own watchdog, its services run on once elsewhere, and it joins anew', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => lab.showLogs())
    const measured = await runTrouble(lab, troubles[0] as Trouble)
    expect(measured).toMatchObject({
      bootstatus: 32,
      evidence: 'watchdog-deadline',
      where: 'other',
    })
  })
})
