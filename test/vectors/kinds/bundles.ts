// Which services would move together when the load is rebalanced.
import { ServiceTable } from '../../../control-plane/cluster/service-table.ts'
import { z } from 'zod'
import { bundlesOf } from '../../../control-plane/crm/decide/usage/bundles.ts'
import { compare, type Kind } from '../judge.ts'
import { RecordedService, recordedService } from '../recorded-view.ts'

const Item = z.object({
  case: z.number(),
  services: z.record(z.string(), RecordedService),
  together: z.record(z.string(), z.array(z.string())),
  expected_bundles: z.record(z.string(), z.array(z.string())),
})

export const bundles: Kind = {
  name: 'bundles',
  recognises: (item) => 'expected_bundles' in item,
  judge(item) {
    const { case: number, services, together, expected_bundles } = Item.parse(item)
    const sids = Object.keys(services).sort()
    const views = Object.fromEntries(sids.map((sid) => [sid, recordedService(sid, services[sid]!)]))
    const found = bundlesOf(new ServiceTable(views), sids, (sid) => together[sid] ?? null)
    const byLeader = Object.fromEntries(found.map((bundle) => [bundle[0]!, bundle]))
    return [{ case: `case ${number}`, difference: compare('bundles', expected_bundles, byLeader) }]
  },
}
