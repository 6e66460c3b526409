// Removing a service: its wish goes, and it leaves the rules that name it, in one transaction with the command (S49).
import type { Context } from 'hono'
import type { RemovedBody } from '../../../shared/operator-api.ts'
import { withoutService } from '../../intake/rule-wish.ts'
import type { Env } from '../auth.ts'
import type { OperatorDeps } from '../deps.ts'
import type { EventFeed } from '../event-feed.ts'
import type { Write } from '../write.ts'
import { operate } from './operations.ts'

type Rules = RemovedBody['rules']

/** `purge` false: rules go on naming it, for the day it is added again. */
export function removeService(
  deps: OperatorDeps,
  feed: EventFeed,
  c: Context<Env>,
  sid: string,
  purge: boolean,
) {
  const none: Rules = { changed: [], disabled: [], deleted: [] }
  return operate(
    deps,
    feed,
    c,
    { kind: 'remove', sid },
    {
      also: async (w, detail) => {
        const rules = purge ? await purgeRules(w, sid) : none
        detail.rules = Object.values(rules).flat()
        return { rules }
      },
    },
  )
}

async function purgeRules({ tx, view, clusterId }: Write, sid: string): Promise<Rules> {
  const { rules, ...purged } = withoutService(view.rules, sid)
  await tx.replaceRules(clusterId, view.rules, rules)
  return purged
}
