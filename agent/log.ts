// One JSON line per change, to stderr. Must never be given a credential.

export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  facts?: Record<string, unknown>,
) => void

/** A log that names the node in every line. */
export function createLog(node: string): Log {
  return (level, message, facts = {}) => {
    const line = { time: new Date().toISOString(), level, node, message, ...facts }
    process.stderr.write(`${JSON.stringify(line)}\n`)
  }
}
