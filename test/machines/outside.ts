// The witness outside the machines: what services say over serial lines, which no cut of the network and no reset takes
// back, stamped on arrival with this host's clock. Judged as every witness of a test service is.
import { judge, type Witness } from '../witness/check.ts'

const said = /@line (\{"kind":"[a-z]+","pid":\d+,"boot":"[^"]+","mark":"[^"]+"\})$/

export class OutsideWitness {
  readonly #lines = new Map<string, string[]>()
  /** Lines cut short by a reset. */
  torn: string[] = []

  hear(line: string, atMs: number): void {
    if (line === '') return
    const found = said.exec(line)?.[1]
    if (found === undefined) return void this.torn.push(line)
    const words = JSON.parse(found) as { mark: string }
    const sid = words.mark.split('/')[2] ?? ''
    const lines = this.#lines.get(sid) ?? []
    lines.push(`${JSON.stringify({ ...words, atMs })}\n`)
    this.#lines.set(sid, lines)
  }

  of(sid: string): Witness {
    return judge((this.#lines.get(sid) ?? []).join(''))
  }
}
