// What a survey of a host finds: everything that runs, arrives, leaves, is left over or is still to come.
import type { Found } from '../../agent/lrm/decide/lrm.ts'
import type { Guests } from './guests.ts'

export function foundOn(guests: Guests): Found[] {
  const running = [...guests.running.values()].map(({ sid, generation, state }) => ({
    ...{ sid, generation },
    state: guests.outgoing.has(sid)
      ? ('migrating' as const)
      : state === 'leftover'
        ? ('unknown' as const)
        : ('running' as const),
  }))
  const incoming = [...guests.incoming.values()].map(({ sid, generation }) => ({
    ...{ sid, generation, state: 'incoming' as const },
  }))
  const pending = [...guests.pending.values()].map(({ sid, generation }) => ({
    ...{ sid, generation, state: 'unknown' as const },
  }))
  const sent = [...guests.sent].map(([sid, generation]) => ({
    ...{ sid, generation, state: 'migrating' as const },
  }))
  return [...running, ...incoming, ...pending, ...sent]
}
