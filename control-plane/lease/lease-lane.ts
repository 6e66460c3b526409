// The seam between the granting of leases and where they are kept: one connection for work that must be durable.
// What a lane answers was committed, cleanly; whatever is doubtful is thrown.
import type { LeaseRequest } from '../../shared/protocol.ts'
import type { Timing } from '../../shared/timing.ts'
import { Lane } from './lane.ts'
import { release, type ReleaseAnswer } from './release.ts'
import { type RenewalRow, type RenewedRow, renewalStatement } from './renewal-statement.ts'
import { type Refusal, whyNot } from './why-not.ts'

export type Asked = { clusterId: number; request: LeaseRequest }

export interface LeaseLane {
  /** The connection in use: names what failed, for `replace`. */
  readonly connection: unknown
  /**
   * Renews in one commit whatever may be renewed, and says nothing of the others.
   * @param skipHeld leaves out rows that somebody else holds, instead of waiting for them
   */
  renew(rows: RenewalRow[], skipHeld: boolean): Promise<RenewedRow[]>
  /** Why these were not renewed; what they remember of a lost history is written down. */
  whyNot(asked: Asked[]): Promise<Map<string, Refusal>>
  release(clusterId: number, request: LeaseRequest, timing: Timing): Promise<ReleaseAnswer>
  /** Gives up a connection whose work is in doubt. */
  replace(seen?: unknown): void
  close(): Promise<void>
}

/** A lane to Postgres. */
export function postgresLane(url: string): LeaseLane {
  const lane = new Lane(url)
  return {
    get connection() {
      return lane.sql
    },
    renew: (rows, skipHeld) => {
      const values = [JSON.stringify(rows)]
      return lane.clean((sql) =>
        sql.unsafe<RenewedRow[]>(renewalStatement(skipHeld), values, { prepare: true }),
      )
    },
    whyNot: (asked) => whyNot(lane.sql, asked),
    release: (clusterId, request, timing) => release(lane, clusterId, request, timing),
    replace: (seen) => lane.replace(seen as Lane['sql'] | undefined),
    close: () => lane.close(),
  }
}
