// One connection for commits that must be durable: a COMMIT that comes back with a warning is no commit (rule 1). Server
// warnings belong to a connection, so there is one in the lane, and one piece of work on it at a time.
import type postgres from 'postgres'
import { client } from '../store/connect.ts'

export class Lane {
  private sqlNow: postgres.Sql
  private readonly url: string
  private warned = false
  private tail: Promise<unknown> = Promise.resolve()

  constructor(url: string) {
    this.url = url
    this.sqlNow = this.connect()
  }

  get sql(): postgres.Sql {
    return this.sqlNow
  }

  /** Runs `work` after what came before it; rejects where its commit was not clean. */
  clean<T>(work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    const mine = this.tail.then(async () => {
      this.warned = false
      const result = await work(this.sqlNow)
      if (this.warned) throw new Error('the commit came back with a warning: not durable')
      return result
    })
    this.tail = mine.catch(() => {})
    return mine
  }

  /** Drops a connection whose work is in doubt, without asking the server to cancel anything. */
  replace() {
    const old = this.sqlNow
    this.sqlNow = this.connect()
    this.tail = Promise.resolve()
    void old.end({ timeout: 0 }).catch(() => {})
  }

  close(): Promise<void> {
    return this.sqlNow.end({ timeout: 1 })
  }

  private connect(): postgres.Sql {
    const onnotice = (notice: postgres.Notice) => {
      if (notice.severity === 'WARNING') this.warned = true
    }
    return client(this.url, { max: 1, name: 'leases', onnotice })
  }
}
