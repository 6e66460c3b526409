// The cluster of a world before anything has joined it, with the people who may ask its API.
import type { MemoryDatabase } from '../../control-plane/store/memory/database.ts'
import { newClusterState } from '../../control-plane/store/memory/state.ts'
import { addToken } from '../../control-plane/store/memory/wishes.ts'
import { hashSecret } from '../../control-plane/store/secrets.ts'
import { Settings } from '../../shared/settings.ts'
import { clusterName, letIn } from './operator-api.ts'
import type { Chance } from './random.ts'
import type { WorldOptions } from './world-options.ts'

const oneYearMs = 31_536_000_000

/** Returns the secret of its join token. */
export function makeCluster(
  memory: MemoryDatabase,
  id: number,
  chance: Chance,
  options: Pick<WorldOptions, 'settings' | 'development'>,
): string {
  const settings = Settings.parse(options.settings ?? {})
  memory.clusters = {
    [id]: newClusterState({
      ...{ id, uuid: chance.uuid(), name: clusterName, settings },
      development: options.development ?? false,
      planeUuid: chance.uuid(),
      server: memory.server,
      nowMs: memory.now(),
    }),
  }
  const secret = `hfj_${chance.secret(24)}`
  const token = { hash: hashSecret(secret), node: null, usesLeft: 10_000 }
  const expiresMs = memory.now() + oneYearMs
  memory.commit(id, (state) => ({
    state: letIn(addToken(state, { ...token, expiresMs })),
    result: undefined,
  }))
  return secret
}
