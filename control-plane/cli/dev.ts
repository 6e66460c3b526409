// `ha-manager dev …`: faults for the nodes of a local site, through the switches of their supervisors (agent/virtual-node).
// It reaches nothing but sockets in the site's own folder: a real node has no such switches.
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { Command } from 'commander'
import { holdfastHome } from './context.ts'
import { refused, unreachable } from './failure.ts'

const switches = {
  'power-off': 'pull the plug: everything on the node is killed, and it stays off',
  'power-on': 'boot the node again',
  crash: 'kill everything on the node; it boots again after its fence deadline',
  cut: 'drop all traffic between the node and the plane',
  heal: 'undo cut, hang and power-off',
  hang: 'stop every process of the node (SIGSTOP); its watchdog resets it, and it boots after its fence deadline',
  resume: 'let a node that hangs go on',
  'restart-agent': 'end the agent as an upgrade does; its services run on',
  'kill-agent': 'kill the agent alone (SIGKILL); it is started again',
  status: 'what the node’s supervisor knows',
} as const

type Switch = keyof typeof switches

type NodeStatus = {
  node: string
  power: string
  hung: boolean
  bootId: string
  boots: number
  watchdogResets: number
  lastPowerOff: string
  agentPid: number | null
  processes: number
  watchdog: { armed: boolean; timeoutMs: number; remainingMs: number | null }
  link: { 'to-plane': string; 'to-node': string }
}

/** The `dev` command with all its switches, to be mounted by the CLI. */
export function devCommand(): Command {
  const dev = new Command('dev').description('try faults on the nodes of a local site')
  for (const [name, sentence] of Object.entries(switches) as [Switch, string][]) {
    const command = new Command(name).description(sentence).argument('<node>', 'for example n2')
    if (name === 'cut') {
      command.option('--to-plane', 'only what the node sends')
      command.option('--to-node', 'only what the plane answers')
    }
    command.action((node: string, options: Options) => run(command, name, node, options))
    dev.addCommand(command)
  }
  return dev
}

type Options = { toPlane?: boolean; toNode?: boolean }

async function run(command: Command, name: Switch, node: string, options: Options): Promise<void> {
  const status = await flip(node, name, direction(options))
  const { json } = command.optsWithGlobals<{ json?: boolean }>()
  process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : describe(status))
}

function direction({ toPlane, toNode }: Options): string {
  if (toPlane && !toNode) return 'to-plane'
  return toNode && !toPlane ? 'to-node' : 'both'
}

async function flip(node: string, name: Switch, cut: string): Promise<NodeStatus> {
  const home = nodeHome(node)
  const path = name === 'cut' ? `/cut?direction=${cut}` : `/${name}`
  const text = await ask(home, name === 'status' ? 'GET' : 'POST', path).catch((error: Error) => {
    const isGone = 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')
    throw isGone ? noSupervisor(node) : error
  })
  const answer = JSON.parse(text) as NodeStatus | { error: string }
  if ('error' in answer) throw refused(`${node}: ${answer.error}`)
  return answer
}

function nodeHome(node: string): string {
  const site = holdfastHome()
  const nodes = join(site, 'nodes')
  const names = existsSync(nodes) ? readdirSync(nodes).sort() : []
  if (names.length === 0)
    throw unreachable(`no local site in ${site}`, {
      advice: 'Begin one with npm start, or set HOLDFAST_HOME.',
    })
  if (!names.includes(node))
    throw refused(`no node "${node}" in ${site}: it has ${names.join(', ')}`)
  const home = join(nodes, node)
  if (!existsSync(join(home, 'control.sock'))) throw noSupervisor(node)
  return home
}

function noSupervisor(node: string) {
  return unreachable(`${node} has no supervisor just now`, { advice: 'Is npm start running?' })
}

/** The socket is named through a descriptor of its folder: a unix socket's name may be 107 bytes long, a folder's far longer. */
function ask(home: string, method: string, path: string): Promise<string> {
  const folder = openSync(home, 'r')
  const socketPath = `/proc/self/fd/${folder}/control.sock`
  return new Promise<string>((done, fail) => {
    request({ socketPath, path, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => done(text))
      response.once('error', fail)
    })
      .once('error', fail)
      .end()
  }).finally(() => closeSync(folder))
}

function describe(status: NodeStatus): string {
  const { watchdog, link } = status
  const remaining = watchdog.remainingMs === null ? '' : `, ${seconds(watchdog.remainingMs)} left`
  const wire = Object.entries(link)
    .map(([way, state]) => `${way} ${state}`)
    .join(', ')
  const lines = [
    ['power', `${status.power}${status.hung ? ', every process stopped' : ''}`],
    ['boot', `${status.boots} (${status.bootId})`],
    ['last power-off', `${status.lastPowerOff}; ${status.watchdogResets} by the watchdog so far`],
    ['agent', status.agentPid === null ? 'not running' : `process ${status.agentPid}`],
    ['processes', String(status.processes)],
    ['watchdog', watchdog.armed ? `armed, ${seconds(watchdog.timeoutMs)}${remaining}` : 'closed'],
    ['wire', wire],
  ]
  return `${status.node}\n${lines.map(([name, text]) => `  ${name?.padEnd(15)} ${text}\n`).join('')}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
