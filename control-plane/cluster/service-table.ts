// The services of a view while changes are applied to it: the view's own, with what was changed laid over them. Taking
// one up costs nothing, however many services there are; they are copied only when somebody asks for the outcome.
// Must never change the view it was made of.
import type { ServiceView, Sid } from './view.ts'

/** Where services are looked up by their ids. */
export type ServiceLookup = { get(sid: Sid): ServiceView | undefined }

type Services = Readonly<Record<Sid, ServiceView>>

export class ServiceTable implements ServiceLookup {
  readonly #before: Services
  /** null: it is gone. */
  readonly #changed = new Map<Sid, ServiceView | null>()

  constructor(before: Services) {
    this.#before = before
  }

  get(sid: Sid): ServiceView | undefined {
    const changed = this.#changed.get(sid)
    return changed === undefined ? this.#before[sid] : (changed ?? undefined)
  }

  /** As it was in the view that this was made of. */
  before(sid: Sid): ServiceView | undefined {
    return this.#before[sid]
  }

  /** Whoever was replaced, added or removed since; in the order in which that began. */
  changed(): Iterable<Sid> {
    return this.#changed.keys()
  }

  set(sid: Sid, service: ServiceView): void {
    this.#changed.set(sid, service)
  }

  delete(sid: Sid): void {
    this.#changed.set(sid, null)
  }

  /** All ids, each once, in no order. */
  sids(): Sid[] {
    const sids: Sid[] = []
    for (const sid in this.#before) if (this.#changed.get(sid) !== null) sids.push(sid)
    for (const [sid, service] of this.#changed)
      if (service !== null && this.#before[sid] === undefined) sids.push(sid)
    return sids
  }

  /** As plain data: in the order of the view it was made of, new ones last; that view's own where nothing was changed. */
  toRecord(): Record<Sid, ServiceView> {
    if (this.#changed.size === 0) return this.#before
    const record: Record<Sid, ServiceView> = {}
    for (const sid of this.sids()) record[sid] = this.get(sid)!
    return record
  }
}
