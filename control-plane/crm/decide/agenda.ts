// The services to be asked in one pass, in the order of their ids. News of the plan may add to it while it is worked off:
// who comes after the one whose turn it is, is asked in this same pass, as if everybody had been on it from the start.
import { compareText } from '../../cluster/grants.ts'
import { put } from '../../cluster/sorted-sids.ts'
import type { Sid } from '../../cluster/view.ts'

export class Agenda {
  readonly #sids: Sid[]
  readonly #known: Set<Sid>
  #at = -1

  /** @param sids in order, each once */
  constructor(sids: Sid[]) {
    this.#sids = sids
    this.#known = new Set(sids)
  }

  next(): Sid | undefined {
    this.#at += 1
    return this.#sids[this.#at]
  }

  /** Takes up those of `sids` whose turn would be yet to come. */
  add(sids: readonly Sid[]): void {
    for (const sid of sids) {
      if (this.#known.has(sid) || compareText(sid, this.#sids[this.#at]!) <= 0) continue
      this.#known.add(sid)
      put(this.#sids, sid)
    }
  }
}
