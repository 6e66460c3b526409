// The switches of a virtual node: HTTP over a unix socket in the node's folder, which only its owner may open.
//   GET /status · POST /power-off /power-on /crash /hang /resume /cut?direction=to-plane|to-node /heal /restart-agent /kill-agent
// Every answer is the node's status, or {error} with one sentence.
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { type LinkDirection, linkDirections, type PlaneLink } from './plane-link.ts'

export type Node = { machine: Machine; link: PlaneLink }

const switches: Record<string, (node: Node, query: URLSearchParams) => unknown> = {
  'power-off': ({ machine }) => machine.powerOff('power-off'),
  'power-on': ({ machine }) => machine.powerOn('power-on'),
  crash: ({ machine }) => machine.crash('crash'),
  hang: ({ machine }) => machine.hang(),
  resume: ({ machine }) => machine.resume(),
  'restart-agent': ({ machine }) => machine.signalAgent('SIGTERM'),
  'kill-agent': ({ machine }) => machine.signalAgent('SIGKILL'),
  cut: ({ link }, query) => link.cut(cutDirections(query.get('direction'))),
  heal({ machine, link }) {
    link.heal()
    machine.resume()
    return machine.powerOn('heal')
  },
}

function cutDirections(text: string | null): readonly LinkDirection[] {
  if (text === null || text === 'both') return linkDirections
  const direction = linkDirections.find((each) => each === text)
  if (direction === undefined) throw new Error('direction must be to-plane, to-node or both')
  return [direction]
}

/** Serves the switches on `<home>/control.sock`. */
export async function openControl(home: string, node: Node): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://node')
    const answer = (status: number, body: unknown) =>
      response
        .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
        .end(`${JSON.stringify(body)}\n`)
    request.resume()
    const name = url.pathname.slice(1)
    const flip = switches[name]
    if (name !== 'status' && (flip === undefined || request.method !== 'POST'))
      return answer(404, { error: `no such switch: ${request.method} ${url.pathname}` })
    Promise.resolve()
      .then(() => flip?.(node, url.searchParams))
      .then(() => {
        const hardwareId = hardwareIdIn(home)
        answer(200, { ...node.machine.status(), hardwareId, link: node.link.state })
      })
      .catch((error: Error) => answer(409, { error: error.message }))
  })
  await listen(server, home)
  return server
}

/** As the agent has it on its disk; null: it has not begun yet. */
function hardwareIdIn(home: string): string | null {
  try {
    return readFileSync(join(home, 'agent', 'hardware-id'), 'utf8').trim()
  } catch {
    return null
  }
}

/**
 * A unix socket's name may be 107 bytes long, a folder's far longer: so it is named through a descriptor of the folder,
 * which is short whatever the folder is called.
 */
async function listen(server: Server, home: string): Promise<void> {
  rmSync(join(home, 'control.sock'), { force: true })
  const folder = openSync(home, 'r')
  const before = process.umask(0o077)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(`/proc/self/fd/${folder}/control.sock`, resolve)
    })
  } finally {
    process.umask(before)
  }
  server.once('close', () => {
    rmSync(join(home, 'control.sock'), { force: true })
    closeSync(folder)
  })
}
