// One connection for commits that must be durable: a COMMIT that comes back with a warning is no commit (rule 1). Server
// warnings belong to a connection, so there is one in the lane, and one piece of work on it at a time.
// Must never run work on another connection than the one it was queued for: it could hide that one's warning.
import type postgres from 'postgres'
import { client } from '../store/client.ts'

type Track = { sql: postgres.Sql; warned: boolean; tail: Promise<unknown> }

export class Lane {
  private readonly url: string
  private track: Track

  constructor(url: string) {
    this.url = url
    this.track = this.open()
  }

  get sql(): postgres.Sql {
    return this.track.sql
  }

  /** Runs `work` after what came before it; rejects where its commit was not clean, or the connection was given up. */
  clean<T>(work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    const { track } = this
    const mine = track.tail.then(async () => {
      if (track !== this.track) throw new Error('the connection was given up before this began')
      track.warned = false
      const result = await work(track.sql)
      if (track.warned) throw new Error('the commit came back with a warning: not durable')
      return result
    })
    track.tail = mine.catch(() => {})
    return mine
  }

  /**
   * Gives a connection up whose work is in doubt, without asking the server to cancel anything.
   * @param seen the connection that failed: one that was replaced already is not replaced again
   */
  replace(seen: postgres.Sql = this.track.sql) {
    if (seen !== this.track.sql) return
    this.track = this.open()
    void seen.end({ timeout: 0 }).catch(() => {})
  }

  close(): Promise<void> {
    return this.track.sql.end({ timeout: 1 })
  }

  private open(): Track {
    const track: Track = { sql: undefined as never, warned: false, tail: Promise.resolve() }
    const onnotice = (notice: postgres.Notice) => {
      if (notice.severity === 'WARNING') track.warned = true
    }
    track.sql = client(this.url, { max: 1, name: 'leases', onnotice })
    return track
  }
}
