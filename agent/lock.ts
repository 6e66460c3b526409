// One agent per node: a lock held for life, before anything else is touched.
//
// A unix socket in the abstract namespace: binding is atomic, the name dies with the process whatever its end, and
// nothing is left behind that could be taken for a lock. A pid file has a race in each of these places. The name is
// one of the network namespace: agents in different ones with the same home do not see each other.
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createServer, type Server } from 'node:net'

/** Takes the lock of the data directory `home`; false if another agent holds it. */
export function lockHome(home: string): Promise<boolean> {
  return hold(`home:${realpathSync(home)}`)
}

/** Takes the lock of a node's identity, so that a copied data directory does not become a second agent. */
export function lockNode(nodeUid: string): Promise<boolean> {
  return hold(`node:${nodeUid}`)
}

/** Never released: kept here so that it is never collected either. */
const held: Server[] = []

function hold(what: string): Promise<boolean> {
  const name = createHash('sha256').update(what).digest('hex').slice(0, 40)
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    server.listen({ path: `\0holdfast-agent-${name}` }, () => {
      server.unref()
      held.push(server)
      resolve(true)
    })
  })
}
