// Where the agent begins: everything else is loaded after the compile cache is on. A new process must be back within
// the watchdog's timeout, and the cache spares it the time and the memory of stripping types again.
import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

// An agent is small and mostly asleep: memory before speed, above all for undici's WebAssembly.
for (const flag of ['--optimize-for-size', '--liftoff-only', '--no-wasm-dynamic-tiering'])
  setFlagsFromString(flag)

const home = homeOf(process.argv)
if (home?.startsWith('/')) {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  // In the data directory, which is the agent's own: code is never loaded from where others may write.
  enableCompileCache(join(home, 'compile-cache'))
}
const { runAgent } = await import('./run-agent.ts')
await runAgent()

function homeOf(argv: string[]): string | null {
  const at = argv.findIndex((word) => word === '--home' || word.startsWith('--home='))
  if (at < 0) return null
  return argv[at] === '--home' ? (argv[at + 1] ?? null) : (argv[at] ?? '').slice('--home='.length)
}
