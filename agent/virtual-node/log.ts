// One JSON line per event on standard error, which the site keeps in a file.

export type Log = (event: string, facts?: Record<string, unknown>) => void

/** A log whose lines all carry the node's name. */
export function nodeLog(node: string): Log {
  return (event, facts = {}) => {
    const line = { time: new Date().toISOString(), node, part: 'machine', event, ...facts }
    process.stderr.write(`${JSON.stringify(line)}\n`)
  }
}
