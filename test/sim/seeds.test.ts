// The simulator's share of the tests: a fixed range of seeds, and every seed that ever found something.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

test('no seed of the fixed range, nor any found before, breaks a guarantee; every fault happens, and no check is idle', {
  timeout: 900_000,
}, () => {
  const done = spawnSync(process.execPath, [main, '--seeds', '500', '--counts'], {
    encoding: 'utf8',
    maxBuffer: 64e6,
  })
  expect(done.stderr).toBe('')
  expect(done.stdout).toMatch(/^\d+ simulations, .* 0 with violations in [\d.]+ s\n$/m)
  expect(done.stdout).not.toMatch(/never: /)
  expect(done.status).toBe(0)
})
