// How Node.js is set for an agent: small and mostly asleep. Measured, idle, in MiB of RSS (anonymous): the bundle with none
// of these 72 (29), with all but `--lite-mode` 62 (19), with all 58 (17); `--jitless` is no smaller and twice as slow to start.

/** For V8, also inside the single executable. */
export const v8Flags = [
  '--max-semi-space-size=1',
  '--max-old-space-size=128',
  '--v8-pool-size=0',
  '--optimize-for-size',
  '--lite-mode',
]

/** Read before the program begins, so only who starts it can set them. */
export const environment = { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2' }
