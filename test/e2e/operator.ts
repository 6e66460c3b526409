// The operator of a test site: speaks the HTTP API, and goes to the next replica when one does not answer.
import type { z } from 'zod'
import type { CommandBody, EventBody, Status, WhyBody } from '../../shared/operator-api.ts'
import { waitFor } from './wait.ts'

export type Replica = { name: string; url: string; readonly ended: boolean }
export type SiteStatus = z.infer<typeof Status>
export type ServiceStatus = SiteStatus['services'][number]
export type NodeStatus = SiteStatus['nodes'][number]

/** What the API answered when it did not do what was asked. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, body: { code?: string; detail?: string; title?: string }) {
    super(`${status} ${body.code}: ${body.detail ?? body.title}`)
    this.status = status
    this.code = body.code ?? ''
  }
}

export class Operator {
  #replicas: () => Replica[]
  #token: string
  #cluster: string

  constructor(replicas: () => Replica[], token: string, cluster: string) {
    this.#replicas = replicas
    this.#token = token
    this.#cluster = cluster
  }

  get(path: string) {
    return this.#ask('GET', path)
  }

  post(path: string, body: object = {}) {
    return this.#ask('POST', path, body)
  }

  put(path: string, body: object) {
    return this.#ask('PUT', path, body)
  }

  patch(path: string, body: object) {
    return this.#ask('PATCH', path, body)
  }

  async status(): Promise<SiteStatus> {
    return (await this.get('/status')) as SiteStatus
  }

  async service(sid: string): Promise<ServiceStatus> {
    const found = (await this.status()).services.find((service) => service.sid === sid)
    if (!found) throw new Error(`no service ${sid}`)
    return found
  }

  async node(name: string): Promise<NodeStatus> {
    const found = (await this.status()).nodes.find((node) => node.name === name)
    if (!found) throw new Error(`no node ${name}`)
    return found
  }

  /** The story of a service or node; evidence in the order in which it was found. */
  async why(subject: string): Promise<z.infer<typeof WhyBody>> {
    const body = (await this.get(`/why/${subject}`)) as z.infer<typeof WhyBody>
    const evidence = body.evidence.toSorted((a, b) => a.decidedAt.localeCompare(b.decidedAt))
    return { ...body, evidence }
  }

  async events(sid: string): Promise<EventBody[]> {
    return (await this.get(`/events?sid=${sid}&limit=500`)) as EventBody[]
  }

  /** Queues an operation and waits for its end. */
  async operate(sid: string, operation: string, body: object = {}): Promise<CommandBody> {
    return (await this.post(`/services/${sid}/${operation}?wait=20`, body)) as CommandBody
  }

  async remove(sid: string): Promise<CommandBody> {
    return (await this.#ask('DELETE', `/services/${sid}?wait=20`)) as CommandBody
  }

  /** Waits until the status is as `look` wants it, and returns what `look` returned. */
  async until<T>(
    what: string,
    look: (status: SiteStatus) => T | null | undefined | false,
    timeoutMs = 10_000,
  ): Promise<T> {
    let last: SiteStatus | null = null
    const see = async () => {
      last = await this.status()
      return look(last)
    }
    const short = () => last && { nodes: last.nodes.map(brief), services: last.services }
    return waitFor(see, { what, timeoutMs, last: short })
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    let error: unknown = new Error('no replica is up')
    for (const { url, ended } of this.#replicas()) {
      if (ended) continue
      try {
        return await this.#askOne(url, method, path, body)
      } catch (cause) {
        // Only reading is repeated elsewhere: a write may have been done although its answer was lost.
        if (cause instanceof Refused && cause.status < 500) throw cause
        error = cause
        if (method !== 'GET') throw cause
      }
    }
    throw error
  }

  async #askOne(url: string, method: string, path: string, body?: object): Promise<unknown> {
    const isLong = path.includes('wait=')
    const response = await fetch(`${url}/api/v1/clusters/${this.#cluster}${path}`, {
      method,
      signal: AbortSignal.timeout(isLong ? 30_000 : 3_000),
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    const answer = text === '' ? null : JSON.parse(text)
    if (!response.ok) throw new Refused(response.status, answer ?? {})
    return answer
  }
}

const brief = ({ name, state, epoch, leaseRemainingMs, note }: NodeStatus) =>
  `${name} ${state}, epoch ${epoch}, lease ${leaseRemainingMs} ms ${note}`
