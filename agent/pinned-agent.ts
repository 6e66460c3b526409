// TLS to a plane whose certificate is known by its fingerprint: that one is believed whoever signed it, and no other. Nothing is
// sent, not even a request line, before it has been compared.
import type https from 'node:https'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'

/** SHA-256 of the certificate, 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints it; colons are let pass. */
export const pinPattern = /^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i

export function createPinnedAgent(pin: string, options: https.AgentOptions): https.Agent {
  const { Agent } = process.getBuiltinModule('node:https')
  const { connect } = process.getBuiltinModule('node:tls')
  const wanted = plain(pin)
  const agent = new Agent(options)
  type Created = (error: Error | null, socket: Duplex) => void
  const createConnection = (to: tls.ConnectionOptions, created: Created) => {
    // A resumed session would come without the certificate.
    const socket = connect({ ...to, session: undefined, rejectUnauthorized: false })
    socket.once('error', (error) => created(error, socket))
    socket.once('secureConnect', () => {
      const seen = plain(socket.getPeerCertificate().fingerprint256 ?? '')
      if (seen === wanted) created(null, socket)
      else socket.destroy(new Error(`its certificate is not the pinned one, but ${seen}`))
    })
    return undefined
  }
  return Object.assign(agent, { createConnection })
}

const plain = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase()
