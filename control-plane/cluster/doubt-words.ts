// A node that cannot tell whether a service runs there: which driver that is, and what a person looks at. Pure; for people, and
// nothing rests on it.
import { serviceType, type ServiceType } from '../../shared/names.ts'
import { currentReport } from './grants.ts'
import type { NodeView, Sid } from './view.ts'

/** What a driver asks: where it hangs or fails, nothing of its kind can be told. */
const asks: Record<ServiceType, string> = {
  process: '/proc',
  vm: 'virsh list, and libvirtd behind it',
  ct: 'lxc-ls, and LXC’s monitors',
  podman: 'podman ps',
  systemd: 'systemctl',
  ocf: 'the monitor of its resource agent',
  'ocf-group': 'the monitors of its resource agents',
}

/** Of a service that its node cannot tell of: where to look, on that node. */
export function whereToLook(sid: Sid): string {
  const type = serviceType(sid)
  return `its ${type} driver gets no answer there (${asks[type]}), or finds remains: the agent’s log says which`
}

const mostNamed = 5

/** Under the lease it has now, by kind: services of which its last report says that it cannot tell. */
export function doubtWarnings(node: NodeView): string[] {
  const byType = new Map<ServiceType, Sid[]>()
  for (const { sid, state } of currentReport(node)?.running ?? []) {
    if (state !== 'unknown') continue
    const type = serviceType(sid)
    byType.set(type, [...(byType.get(type) ?? []), sid])
  }
  return [...byType.values()].map((sids) => {
    const more = sids.length > mostNamed ? ` and ${sids.length - mostNamed} more` : ''
    return `cannot tell whether ${sids.slice(0, mostNamed).join(' ')}${more} runs: ${whereToLook(sids[0]!)}`
  })
}
