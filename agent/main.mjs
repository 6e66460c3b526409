// Where the agent begins: everything else is loaded after the compile cache is on. A new process must be back within
// the watchdog's timeout, and the cache spares it the time and the memory of stripping types again.
// Plain JavaScript, and must import nothing by itself: whatever has types to be stripped brings the stripper into this
// process, some 25 MB for as long as it lives, and as much for every fork to copy.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

/** Loads everything, for the cache alone, and ends. */
const warmUp = 'warm-up'
const warmUpPatienceMs = 10_000

// An agent is small and mostly asleep: memory before speed.
setFlagsFromString('--optimize-for-size')

const isWarmUp = process.argv[2] === warmUp
const home = homeOf(process.argv)
// Only what makes this machine a node makes its data directory: a tool with a mistyped --home leaves nothing behind.
const isNode = [undefined, 'run', 'join', warmUp].includes(wordOf(process.argv[2]))
if (home?.startsWith('/') && (isNode || existsSync(home))) {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  // In the data directory, which is the agent's own: code is never loaded from where others may write.
  const cache = join(home, 'compile-cache')
  // The first start of all strips the types in a process that goes again.
  if (!isWarmUp && !existsSync(cache))
    spawnSync(
      process.execPath,
      [...process.execArgv, import.meta.filename, warmUp, '--home', home],
      { stdio: 'ignore', timeout: warmUpPatienceMs },
    )
  enableCompileCache(cache)
}
const { runAgent } = await import('./run-agent.ts')
if (!isWarmUp) await runAgent()

/** @param {string | undefined} first */
function wordOf(first) {
  return first?.startsWith('-') ? undefined : first
}

/** @param {string[]} argv */
function homeOf(argv) {
  const at = argv.findIndex((word) => word === '--home' || word.startsWith('--home='))
  if (at < 0) return null
  return argv[at] === '--home' ? (argv[at + 1] ?? null) : (argv[at] ?? '').slice('--home='.length)
}
