// `npm run build:agent`: the agent as one executable for machines without Node.js, dist/ha-agent. It is the packaged Node.js
// with the bundle inside (a single executable application). `--out DIR`: elsewhere than dist/.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle, root } from './bundle.ts'
import { v8Flags } from './memory-flags.ts'

/** Marks where Node.js looks for what was put into it; the same in all its versions. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } })
const dist = resolve(values.out)
const work = join(dist, 'agent')
const executable = join(dist, 'ha-agent')

mkdirSync(work, { recursive: true })
// A module system inside an executable is CommonJS.
const main = join(work, 'ha-agent.cjs')
await bundle('agent/packaged.ts', main, 'cjs')
const blob = join(work, 'ha-agent.blob')
const settings = join(work, 'sea.json')
writeFileSync(
  settings,
  JSON.stringify({
    ...{ main, output: blob, disableExperimentalSEAWarning: true },
    execArgv: v8Flags,
    // A node's NODE_OPTIONS are somebody else's business.
    execArgvExtension: 'none',
  }),
)
run(process.execPath, ['--experimental-sea-config', settings])
const unfinished = join(work, 'ha-agent')
copyFileSync(process.execPath, unfinished)
chmodSync(unfinished, 0o755)
run('strip', [unfinished])
run(join(root, 'node_modules/.bin/postject'), [
  ...[unfinished, 'NODE_SEA_BLOB', blob],
  ...['--sentinel-fuse', fuse],
])
// A copy, because a file written in one go lies in the page cache in large pieces, and a process that runs it has all of a
// piece in its RSS when it touches a page of it: 17 MiB more, until the machine next reads the file from disk.
const copied = `${executable}.new`
copyFileSync(unfinished, copied)
renameSync(copied, executable)
rmSync(unfinished)
const mib = (path: string) => (statSync(path).size / 2 ** 20).toFixed(1)
console.log(`${executable}: ${mib(executable)} MiB, of which the agent itself ${mib(main)} MiB`)

function run(program: string, args: string[]): void {
  try {
    execFileSync(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message: string }
    throw new Error(`${program} ${args[0]}: ${stderr?.toString() || message}`)
  }
}
