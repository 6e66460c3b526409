// Which services move as one: a started service and the started partners that must be on its node. Where one of them is
// on its way already, or on another node, none of them is a bundle (reference 2.15.5).
import type { ServiceLookup } from '../../../cluster/service-table.ts'
import type { ServiceView, Sid } from '../../../cluster/view.ts'

/** In order; the first is the leader. */
export type Bundle = readonly Sid[]

/** The bundles of these services, by their leaders. `partnersOf`: who is kept together with a service. */
export function bundlesOf(
  services: ServiceLookup,
  sids: readonly Sid[],
  partnersOf: (sid: Sid) => Iterable<Sid> | null,
): Bundle[] {
  const bundles: Bundle[] = []
  const isBundled = new Set<Sid>()
  for (const sid of sids) {
    if (services.get(sid)?.status?.state !== 'started' || isBundled.has(sid)) continue
    const partners = partnersOf(sid)
    if (partners === null) {
      bundles.push([sid])
      continue
    }
    const all = [...new Set([sid, ...partners])]
    const started = all.filter((one) => services.get(one)?.status?.state === 'started').sort()
    for (const one of started) isBundled.add(one)
    if (all.some((one) => isMoving(services.get(one)))) continue
    const node = services.get(sid)!.status!.node
    if (started.every((one) => services.get(one)!.status!.node === node)) bundles.push(started)
  }
  return bundles
}

function isMoving(service: ServiceView | undefined): boolean {
  const state = service?.status?.state
  return state === 'migrate' || state === 'relocate'
}
