// The words of one line of a scenario, taken from the left; whatever does not fit is told with what would be right.
import { ServiceId, NodeName } from '../../shared/names.ts'

/** What is wrong with a line, or with what came of it. The file and the line are added by whoever reads it. */
export class Wrong extends Error {}

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const unitBytes: Record<string, number> = { '': 1, M: 2 ** 20, G: 2 ** 30 }

export class Words {
  private readonly words: string[]
  private at = 0

  constructor(text: string) {
    this.words = text.split(/\s+/).filter(Boolean)
  }

  get isOver(): boolean {
    return this.at >= this.words.length
  }

  peek(): string {
    return this.words[this.at] ?? ''
  }

  next(what: string): string {
    const word = this.words[this.at]
    if (word === undefined) throw new Wrong(`${what} is missing`)
    this.at += 1
    return word
  }

  /** Takes these words, if they come next. */
  take(...wanted: string[]): boolean {
    if (!wanted.every((word, index) => this.words[this.at + index] === word)) return false
    this.at += wanted.length
    return true
  }

  need(...wanted: string[]): void {
    if (!this.take(...wanted)) throw new Wrong(`${wanted.join(' ')} must come ${this.here()}`)
  }

  oneOf<T extends string>(what: string, allowed: readonly T[]): T {
    const word = this.next(what)
    if (!allowed.includes(word as T))
      throw new Wrong(`${what} must be one of ${allowed.join(', ')}, not ${word}`)
    return word as T
  }

  sid(): string {
    return this.named('a service', ServiceId)
  }

  node(): string {
    return this.named('a node', NodeName)
  }

  private named(what: string, schema: typeof ServiceId): string {
    const parsed = schema.safeParse(this.next(what))
    if (!parsed.success) throw new Wrong(parsed.error.issues[0]!.message)
    return parsed.data
  }

  number(what: string): number {
    const word = this.next(what)
    const value = Number(word)
    if (!Number.isFinite(value)) throw new Wrong(`${what} must be a number, not ${word}`)
    return value
  }

  /** `500ms`, `30s`, `5m`, `2h`. */
  duration(what: string): number {
    const word = this.next(what)
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(word)
    if (!match)
      throw new Wrong(`${what} must be a length of time like 500ms, 30s or 5m, not ${word}`)
    return Number(match[1]) * unitMs[match[2]!]!
  }

  /** A length of time with its sign, of a step. */
  step(what: string): number {
    const word = this.next(what)
    const match = /^([+-])(.+)$/.exec(word)
    if (!match) throw new Wrong(`${what} must begin with + or -, like +90s, not ${word}`)
    return (match[1] === '-' ? -1 : 1) * new Words(match[2]!).duration(what)
  }

  /** A number of bytes, or of M or G (binary). */
  bytes(what: string): number {
    const word = this.next(what)
    const match = /^(\d+)([MG]?)$/.exec(word)
    if (!match)
      throw new Wrong(`${what} must be a number of bytes, or like 512M or 16G, not ${word}`)
    return Number(match[1]) * unitBytes[match[2]!]!
  }

  /** Nodes with priorities, up to the end of the line: `n1:2 n2`. */
  priorities(): Record<string, number> {
    const nodes: Record<string, number> = {}
    while (!this.isOver) {
      const [name = '', priority = '0'] = this.next('a node').split(':')
      nodes[new Words(name).node()] = new Words(priority).number('a priority')
    }
    if (Object.keys(nodes).length === 0) throw new Wrong('nodes are missing, like: on n1:2 n2')
    return nodes
  }

  /** Everything that is left, as it stands. */
  rest(what: string): string {
    if (this.isOver) throw new Wrong(`${what} is missing`)
    const rest = this.words.slice(this.at).join(' ')
    this.at = this.words.length
    return rest
  }

  end(): void {
    if (!this.isOver) throw new Wrong(`nothing may come ${this.here()}`)
  }

  private here(): string {
    const before = this.words.slice(0, this.at).join(' ')
    const found = this.isOver ? '' : `, where ${this.peek()} stands`
    return `after "${before}"${found}`
  }
}
