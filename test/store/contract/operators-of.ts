// The operators' API over the store of a side, asked in process.
import pino from 'pino'
import type { OperatorDeps } from '../../../control-plane/http/deps.ts'
import { addOperators, emptyApp } from '../../../control-plane/http/operator-api.ts'
import type { SharedClock, Side } from './side.ts'
import type { Asked } from './requests.ts'

export type Told = { status: number; body: unknown; etag: string | null }

/** Nobody waits for a command here. */
const feed = { next: () => Promise.reject(new Error('nobody waits')) }

export function operatorsOf({ operators: store, random }: Side, clock: SharedClock) {
  const state = { rung: 0 }
  const deps: OperatorDeps = {
    ...{ store, clock, random, log: pino({ level: 'silent' }) },
    replica: { name: 'r1', url: 'http://r1' },
    ring: () => (state.rung += 1),
  }
  const app = emptyApp(deps)
  addOperators(app, deps, feed)
  return {
    get rung() {
      return state.rung
    },
    async ask(cluster: string, { method, path, body, headers }: Asked): Promise<Told> {
      const url = `/api/v1/clusters/${cluster}${path}`
      const text = body === undefined ? undefined : JSON.stringify(body)
      const length = String(Buffer.byteLength(text ?? ''))
      const described = { 'content-type': 'application/json', 'content-length': length }
      const response = await app.request(url, {
        ...{ method, headers: { ...(text !== undefined && described), ...headers } },
        ...(text !== undefined && { body: text }),
      })
      const said = await response.text()
      const parsed = said === '' ? null : (JSON.parse(said) as unknown)
      return { status: response.status, body: parsed, etag: response.headers.get('etag') }
    },
  }
}
