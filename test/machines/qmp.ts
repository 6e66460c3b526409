// QEMU's control socket: commands and answers, and events with the moment at which they were heard.
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { waitFor } from '../e2e/wait.ts'

export type QmpEvent = { name: string; atMs: number; data: Record<string, unknown> }

type Answer = { return?: unknown; error?: { desc: string } }

export class Qmp {
  readonly events: QmpEvent[] = []
  readonly #socket: Socket
  readonly #waiting: ((answer: Answer) => void)[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line)
      if (message.event !== undefined)
        this.events.push({ name: message.event, atMs: performance.now(), data: message.data ?? {} })
      else if (message.QMP === undefined) this.#waiting.shift()?.(message)
    })
  }

  static async open(path: string): Promise<Qmp> {
    const qmp = new Qmp(await connectTo(path))
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  async execute(command: string, args: object = {}): Promise<unknown> {
    const answered = new Promise<Answer>((resolve) => this.#waiting.push(resolve))
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    const { return: value, error } = await answered
    if (error) throw new Error(`${command}: ${error.desc}`)
    return value
  }
}

/** A socket that somebody is about to offer. */
export function connectTo(path: string): Promise<Socket> {
  const attempt = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(path)
      socket.once('connect', () => resolve(socket)).once('error', reject)
    })
  return waitFor(attempt, { what: `${path} to be offered` })
}
