// An agent that speaks the protocol and runs nothing: join, epoch, lease, desired. For benches of the plane's side; it
// claims what a real agent would claim once its services run. Real agents are measured where they are what matters.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import {
  Desired,
  EpochAnswer,
  JoinAnswer,
  LeaseAnswer,
  type RunningService,
  type ServiceGeneration,
} from '../../../shared/protocol.ts'
import type { PlaneEpoch } from '../../../shared/lease.ts'

export type OrderSeen = { sid: string; generation: number; atWallMs: number }

const facts = {
  capacity: { cpus: 2, memoryBytes: 1e9 },
  virtual: false,
  drivers: ['process' as const],
  agentVersion: 'bench',
}

export class ProtocolAgent {
  readonly name: string
  readonly #url: string
  readonly #watchdogMs: number
  readonly #renewMs: number
  readonly #client = new Agent({ connections: 3, pipelining: 1, headersTimeout: 120_000 })
  readonly #hardwareId = randomUUID()
  #bootId = randomUUID()
  #joined: JoinAnswer | null = null
  #planeEpoch: PlaneEpoch | null = null
  #epoch = 0
  #seq = 0
  #desired: Desired | null = null
  #confirmed: ServiceGeneration[] = []
  #alive = false
  #loops: Promise<unknown>[] = []
  #abort = new AbortController()
  #soon: (() => void) | null = null
  /** Told as soon as a desired state that starts something here has arrived. */
  onOrder: (order: OrderSeen) => void = () => {}

  constructor(options: { name: string; url: string; watchdogMs: number; renewMs: number }) {
    this.name = options.name
    this.#url = `${options.url}/agent/v1`
    this.#watchdogMs = options.watchdogMs
    this.#renewMs = options.renewMs
  }

  /** What it has confirmed, as if it ran. */
  get running(): ServiceGeneration[] {
    return this.#confirmed
  }

  async join(joinToken: string): Promise<void> {
    const body = { joinToken, node: this.name, ...this.#about() }
    this.#joined = JoinAnswer.parse((await this.#ask('POST', '/join', body)).body)
  }

  /** Boots: a new lease epoch, then renewals and a poll until it goes silent. */
  async boot(): Promise<void> {
    this.#bootId = randomUUID()
    this.#abort = new AbortController()
    this.#confirmed = []
    this.#desired = null
    this.#seq = 0
    let nonce: string | null = null
    for (;;) {
      const { clusterUuid, nodeUid } = this.#joined as JoinAnswer
      const request = { clusterUuid, nodeUid, sentMs: performance.now(), ...this.#about() }
      const body = { ...request, planeEpoch: this.#planeEpoch, nonce, found: [] }
      const answer: EpochAnswer = EpochAnswer.parse((await this.#ask('POST', '/epoch', body)).body)
      this.#planeEpoch = answer.planeEpoch
      if (answer.status === 'challenge') nonce = answer.nonce
      if (answer.status === 'settling') await pause(20)
      if (answer.status !== 'joined') continue
      this.#epoch = answer.epoch
      break
    }
    this.#alive = true
    this.#loops = [this.#renewals(), this.#polls()]
  }

  /** As if its power were cut: nothing more is sent. Resolves when its last request is over. */
  async silence(): Promise<void> {
    this.#alive = false
    this.#abort.abort()
    this.#soon?.()
    await Promise.all(this.#loops)
  }

  async end(): Promise<void> {
    await this.silence()
    await this.#client.destroy()
  }

  #about() {
    const watchdog = { class: 'simulated', identity: 'bench', effectiveMs: this.#watchdogMs }
    return { hardwareId: this.#hardwareId, bootId: this.#bootId, watchdog, ...facts }
  }

  get #ordered(): ServiceGeneration[] {
    return (this.#desired?.services ?? []).flatMap(({ sid, generation, state }) =>
      state === 'started' && generation !== null ? [{ sid, generation }] : [],
    )
  }

  async #renewals(): Promise<void> {
    while (this.#alive) {
      await this.#renewOnce()
      if (!this.#alive) return
      const isNews = this.#ordered.some((order) => !this.#has(order))
      if (!isNews) await this.#restFor(this.#renewMs)
    }
  }

  /** Until the next renewal is due, or there is something to say. */
  #restFor(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#soon = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #has({ sid, generation }: ServiceGeneration): boolean {
    return this.#confirmed.some((one) => one.sid === sid && one.generation === generation)
  }

  async #renewOnce(): Promise<void> {
    const { clusterUuid, nodeUid } = this.#joined as JoinAnswer
    const confirms = this.#ordered
    const running: RunningService[] = this.#confirmed.map((one) => ({
      ...one,
      state: 'running',
      stable: true,
    }))
    const answer = await this.#ask('POST', '/lease', {
      ...{ clusterUuid, nodeUid, epoch: this.#epoch, bootId: this.#bootId, seq: ++this.#seq },
      ...{ planeEpoch: this.#planeEpoch, armed: true, release: false, confirms, running },
      revision: this.#desired?.revision ?? 0,
      lrmState: 'active',
      mode: 'active',
      closed: [],
      results: (this.#desired?.services ?? [])
        .filter(({ sid }) => this.#confirmed.some((one) => one.sid === sid))
        .map(({ uid, sid }) => ({ uid, sid, outcome: 'ok' })),
    })
    if (answer.status === 200) this.#confirmed = LeaseAnswer.parse(answer.body).confirmed
    else throw new Error(`${this.name}: a renewal was refused: ${JSON.stringify(answer.body)}`)
  }

  async #polls(): Promise<void> {
    while (this.#alive) {
      const { revision = 0 } = this.#desired ?? {}
      const query = `planeEpoch=${this.#planeEpoch?.number}&revision=${revision}&waitMs=25000`
      const answer = await this.#ask('GET', `/desired?${query}`).catch(() => null)
      if (answer?.status !== 200 || !this.#alive) continue
      const atWallMs = Date.now()
      this.#desired = Desired.parse(answer.body)
      for (const order of this.#ordered) if (!this.#has(order)) this.onOrder({ ...order, atWallMs })
      this.#soon?.()
    }
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: object) {
    const credential = this.#joined?.credential
    const { statusCode, body: answer } = await request(this.#url + path, {
      method,
      dispatcher: this.#client,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(method === 'GET' && { signal: this.#abort.signal }),
    })
    const text = await answer.text()
    return { status: statusCode, body: text === '' ? null : JSON.parse(text) }
  }
}
