import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A bound for what must come, not a measure of how soon.
    expect: { poll: { timeout: 10_000 } },
    pool: 'forks',
    // Two cores: more files at once only make each other's clocks late.
    maxWorkers: 2,
    reporters: ['default'],
  },
})
