// A TCP link to Postgres whose connections can fall silent, as those of a peer that was cut off do: nothing is closed,
// nothing arrives any more. New connections are served.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type SilentLink = {
  url: string
  /** Is the server's end of one of its connections called from local port `port`? */
  carries(port: number): boolean
  fallSilent(): void
  close(): void
}

export async function silentLink(url: string): Promise<SilentLink> {
  const to = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname)
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const here = new URL(url)
  here.port = String((server.address() as AddressInfo).port)
  return {
    url: here.href,
    carries: (port) =>
      [...sockets].some((socket) => socket.localPort === port && !socket.destroyed),
    fallSilent() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
