// The wire between a node and the plane: one TCP proxy per plane URL, which can be cut in either direction.
// A cut is a black hole, not a closed door: nothing is refused, nothing ends, bytes just do not arrive until it is healed.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export const linkDirections = ['to-plane', 'to-node'] as const
export type LinkDirection = (typeof linkDirections)[number]

/** One direction of one connection: everything read from `from` goes to `to`, its end as well, unless cut. */
class OneWay {
  #from: Socket
  #to: Socket
  #cut: boolean
  /** `from` is closed; `to` must learn it only when the way is open. */
  #fromClosed = false

  constructor(from: Socket, to: Socket, cut: boolean) {
    this.#from = from
    this.#to = to
    this.#cut = cut
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => {
      if (!this.#cut) from.resume()
    })
    from.on('end', () => {
      if (!this.#cut) to.end()
    })
    // A lost connection is news like any other: it travels only over an open wire.
    from.on('error', () => from.destroy())
    from.on('close', () => {
      this.#fromClosed = true
      if (!this.#cut) to.destroySoon()
    })
    if (cut) from.pause()
    else from.resume()
  }

  set cut(cut: boolean) {
    this.#cut = cut
    if (cut) this.#from.pause()
    else if (this.#fromClosed) this.#to.destroySoon()
    else this.#from.resume()
  }
}

/** How long the plane keeps a connection whose node has lost its power, before its own keepalive would have told it. */
const strandedMs = 60_000

export class PlaneLink {
  #cut = new Set<LinkDirection>()
  #servers: Server[] = []
  #ways = new Map<OneWay, LinkDirection>()
  /** Connections that arrived during a cut: accepted, as a black hole would not even do, and answered never. */
  #waiting = new Set<() => void>()
  #sockets = new Set<Socket>()

  /** Opens a listener per plane URL and returns the URLs the agent is to use instead. */
  async open(planeUrls: string[]): Promise<string[]> {
    return Promise.all(planeUrls.map((url) => this.#listen(new URL(url))))
  }

  get state(): Record<LinkDirection, 'open' | 'cut'> {
    const of = (direction: LinkDirection) => (this.#cut.has(direction) ? 'cut' : 'open')
    return { 'to-plane': of('to-plane'), 'to-node': of('to-node') }
  }

  cut(directions: readonly LinkDirection[]): void {
    for (const direction of directions) this.#cut.add(direction)
    for (const [way, direction] of this.#ways) way.cut = this.#cut.has(direction)
  }

  heal(): void {
    this.#cut.clear()
    for (const way of this.#ways.keys()) way.cut = false
    for (const begin of this.#waiting) begin()
    this.#waiting.clear()
  }

  /**
   * The node lost its power: nobody there says goodbye. The plane's ends of its connections fall silent for good; the
   * node's next boot makes new ones.
   */
  strand(): void {
    for (const way of this.#ways.keys()) way.cut = true
    this.#ways.clear()
    this.#waiting.clear()
    const stranded = [...this.#sockets]
    setTimeout(() => {
      for (const socket of stranded) socket.destroy()
    }, strandedMs).unref()
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async #listen(plane: URL): Promise<string> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket, plane),
    )
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  #accept(node: Socket, plane: URL): void {
    this.#own(node)
    const begin = () => {
      if (!node.destroyed) this.#join(node, plane)
    }
    // A connection needs both directions to be made.
    if (this.#cut.size === 0) begin()
    else {
      node.pause()
      this.#waiting.add(begin)
      node.once('close', () => this.#waiting.delete(begin))
    }
  }

  #join(node: Socket, plane: URL): void {
    const port = Number(plane.port || 80)
    const upstream = connect({ host: plane.hostname, port, allowHalfOpen: true, noDelay: true })
    this.#own(upstream)
    this.#way(node, upstream, 'to-plane')
    this.#way(upstream, node, 'to-node')
  }

  #way(from: Socket, to: Socket, direction: LinkDirection): void {
    const way = new OneWay(from, to, this.#cut.has(direction))
    this.#ways.set(way, direction)
    to.once('close', () => this.#ways.delete(way))
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
