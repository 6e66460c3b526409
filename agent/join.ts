// Joining a cluster: once in a node's life. Tried until the plane answers; a refusal is final.
import type { Timers } from '../shared/clock.ts'
import type { Random } from '../shared/random.ts'
import type { JoinRequest } from '../shared/protocol.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import type { Identity } from './identity.ts'
import type { Log } from './log.ts'

const timeoutMs = 10_000
const firstPauseMs = 200
const longestPauseMs = 5_000

export type JoinDeps = {
  /** Without a credential; closed at the end. */
  client: ControlPlaneClient
  /** Where the client asks. */
  urls: string[]
  random: Random
  timers: Timers
  log: Log
}

/** The identity the plane gave, or why it gave none. */
export async function joinCluster(
  request: JoinRequest,
  { client, urls, random, timers, log }: JoinDeps,
): Promise<Identity | { refused: string }> {
  try {
    for (let attempt = 0; ; attempt++) {
      const reply = await client.join(request, timeoutMs)
      if (reply.kind === 'ok') {
        const { nodeUid, credential, cluster, clusterUuid, timing } = reply.answer
        return { nodeUid, credential, cluster, clusterUuid, node: request.node, urls, timing }
      }
      const why =
        reply.kind === 'failed'
          ? reply.why
          : `${reply.problem.code}: ${reply.problem.detail ?? reply.problem.title}`
      if (reply.kind === 'refused' && reply.status < 500) return { refused: why }
      if (attempt === 0) log('warn', 'join: no answer yet', { why })
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt, 10))
      await new Promise<void>((resolve) => timers.set(resolve, pauseMs * (0.5 + random.float())))
    }
  } finally {
    await client.close()
  }
}
