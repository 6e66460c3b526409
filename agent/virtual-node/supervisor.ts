// The process around one virtual node: its watchdog, its power, its wire to the plane, and the init inside it. It stands for
// the hardware, so it is no part of the node's process tree and nothing the node does may reach it.
// It ends with its parent, and takes the node with it: nothing stays on the machine of somebody who only tried Holdfast.
import { createHash } from 'node:crypto'
import { fstatSync, mkdirSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openControl } from './control.ts'
import { nodeLog } from './log.ts'
import { Machine } from './machine.ts'
import { PlaneLink } from './plane-link.ts'

const usage = `usage: supervisor.ts --node NAME --home DIR --url URL[,URL…] [--join-token TOKEN] [--reboot-ms MS] [--agent SCRIPT]
  --home        the node's folder: control.sock, the watchdog, and agent/ (the node's disk)
  --reboot-ms   from a loss of power to the next boot (2000)
  --agent       the program of the agent (agent/main.mjs)`

/** As `ha-agent` starts it: little memory, at a small cost in speed that an agent never feels. */
const littleMemory = [
  ...['--max-semi-space-size=1', '--max-old-space-size=128', '--optimize-for-size'],
  ...['--v8-pool-size=0', '--liftoff-only', '--no-wasm-dynamic-tiering'],
]
/** So long a clean power-off may take; it is longer than a service that ends on SIGTERM needs. */
const patienceMs = 10_000
/** A supervisor of the same node that is on its way out needs at most its patience, and a little. */
const lockPatienceMs = patienceMs + 5_000

function options() {
  const { values } = parseArgs({
    options: {
      node: { type: 'string' },
      home: { type: 'string' },
      url: { type: 'string' },
      'join-token': { type: 'string' },
      'reboot-ms': { type: 'string', default: '2000' },
      agent: { type: 'string' },
    },
  })
  const rebootMs = Number(values['reboot-ms'])
  const { node, home, url } = values
  if (!node || !home || !url || !Number.isInteger(rebootMs) || rebootMs < 0) {
    process.stderr.write(`${usage}\n`)
    process.exit(2)
  }
  const agent = values.agent ?? fileURLToPath(new URL('../main.mjs', import.meta.url))
  return { node, home, urls: url.split(','), rebootMs, joinToken: values['join-token'], agent }
}

async function main(): Promise<void> {
  const { node, home: given, urls, rebootMs, joinToken, agent } = options()
  mkdirSync(join(given, 'agent'), { recursive: true, mode: 0o700 })
  const home = realpathSync(given)
  const log = nodeLog(node)
  await lock(home)

  const link = new PlaneLink()
  const proxied = await link.open(urls)
  const command = [process.execPath, ...littleMemory, agent, 'run', '--home', join(home, 'agent')]
  command.push('--url', proxied.join(','), '--node', node, '--watchdog', 'simulated')
  if (joinToken !== undefined) command.push('--join-token', joinToken)
  const powerLost = () => link.strand()
  const machine = new Machine({ node, home, rebootMs, agent: command, log, powerLost })
  const control = await openControl(home, { machine, link })

  let ending = false
  const end = async (why: string) => {
    if (ending) return machine.powerOff(`${why}, asked twice`)
    ending = true
    log('ending', { why })
    await machine.shutDown(why, patienceMs)
    control.close()
    link.close()
    process.exit(0)
  }
  process.on('SIGINT', () => void end('clean power-off'))
  process.on('SIGTERM', () => void end('clean power-off'))
  process.on('SIGHUP', () => void end('clean power-off'))
  whenParentEnds(() => {
    if (!ending) void end('the site ended')
  })

  await machine.clearEarlierBoot()
  if (!ending) await machine.powerOn('power-on')
}

/** One supervisor per node: the name is taken atomically, and given back by the kernel when this process ends, however it ends. */
async function lock(home: string): Promise<void> {
  const digest = createHash('sha256').update(home).digest('hex').slice(0, 32)
  const until = performance.now() + lockPatienceMs
  for (;;) {
    const server = createServer((socket) => socket.destroy())
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(`\0holdfast-virtual-node-${digest}`, () => resolve(true))
    })
    if (taken) return void server.unref()
    if (performance.now() > until) {
      process.stderr.write(`another supervisor runs the node in ${home}\n`)
      process.exit(1)
    }
    await pause(100)
  }
}

/** By the end of standard input, where that is a pipe from the parent, and by a look at the parent's id every half second. */
function whenParentEnds(ended: () => void): void {
  const stdin = fstatSync(0)
  if (stdin.isFIFO() || stdin.isSocket()) {
    process.stdin.on('end', ended).on('error', ended)
    process.stdin.resume()
  }
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) ended()
  }, 500)
}

await main()
