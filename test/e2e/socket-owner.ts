// Which process has the local end of a TCP connection? The kernel knows, and asks nobody.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Does process `pid` hold the connection whose local port is `port`? */
export function ownsPort(pid: number, port: number): boolean {
  const inode = inodeOf(port)
  if (inode === null) return false
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
    } catch {
      return false
    }
  })
}

function inodeOf(port: number): string | null {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const [, address, , , , , , , , inode] = line.trim().split(/\s+/)
    if (address?.endsWith(local) && inode !== undefined && inode !== '0') return inode
  }
  return null
}
