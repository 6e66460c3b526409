// A run of the tests that is killed leaves its containers running: the next rig on this machine ends them, and no others.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { pidsWith } from './living-with.ts'
import { createLxcRig, whyNoLxc } from './lxc-rig.ts'

/** A run of its own, with a container that runs. */
const run = `
  import { createLxcRig } from '${import.meta.dirname}/lxc-rig.ts'
  const rig = createLxcRig(true)
  await rig.startByOthers()
  console.log(JSON.stringify({ home: rig.home, name: rig.name }))
  setInterval(() => {}, 1_000)`

test.skipIf(whyNoLxc !== null)(
  'what a killed run left is ended by the next rig; what a living one has, is not',
  { timeout: 60_000 },
  async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', run], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { home, name } = JSON.parse(line.toString()) as { home: string; name: string }
    const alive = () => pidsWith(name, 'cgroup').length
    await createLxcRig(false).end()
    expect(alive()).toBeGreaterThan(0)

    child.kill('SIGKILL')
    await once(child, 'exit')
    await createLxcRig(false).end()
    await expect.poll(alive, { timeout: 5_000 }).toBe(0)
    expect(existsSync(home)).toBe(false)
  },
)
