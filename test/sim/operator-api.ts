// The operators' routes of a simulated plane: the production ones, over the memory store.
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import { addOperators, emptyApp } from '../../control-plane/http/operator-api.ts'
import type { MemoryDatabase } from '../../control-plane/store/memory/database.ts'
import { memoryOperatorStore } from '../../control-plane/store/memory/operators.ts'
import { addActor } from '../../control-plane/store/memory/operator-columns.ts'
import type { ClusterState } from '../../control-plane/store/memory/state.ts'
import type { Access } from '../../control-plane/store/memory/stores.ts'
import { hashSecret } from '../../control-plane/store/secrets.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Role } from '../../shared/operator-api.ts'
import type { Random } from '../../shared/random.ts'

export type OperatorApiParts = {
  database: MemoryDatabase
  access: Access
  clock: Clock
  random: Random
  log: Logger
  ring: (clusterId: number) => void
  name: string
}

/** Commands are looked at in the world: nobody holds a request for their end. */
const feed = { next: () => Promise.reject(new Error('nobody waits for commands here')) }

export function operatorApi({ database, access, name, ...parts }: OperatorApiParts): Hono {
  const deps = {
    ...{ ...parts, store: memoryOperatorStore(database, access) },
    replica: { name, url: `http://${name}.sim` },
  }
  const app = emptyApp(deps)
  addOperators(app, deps, feed)
  return app as unknown as Hono
}

export const clusterName = 'sim'

/** Who may ask, by what they do. Their writes can be told apart in the audit log. */
export const people = {
  admin: 'admin',
  viewer: 'viewer',
  /** Only ever asks what cannot be. */
  clumsy: 'admin',
  /** Only ever asks what would happen. */
  curious: 'admin',
} as const satisfies Record<string, Role>
/** A stranger has a token that nobody knows. */
export type Person = keyof typeof people | 'stranger'

export const secretOf = (person: Person) => `hfo_${person}_of_the_simulated_site`

export function letIn(state: ClusterState): ClusterState {
  return Object.entries(people).reduce((next, [name, role], at) => {
    const id = `00000000-0000-4000-8000-00000000000${at}`
    const hash = hashSecret(secretOf(name as Person))
    return addActor(next, { ...{ id, name, role, hash }, everywhere: false, expiresMs: null })
  }, state)
}
