// What must always be true of a view, as sentences about what is not. Asked by tests, the simulator and `admin check`.
// Reads only; an empty list means that nothing is wrong.
import type { ClusterView, NodeView, ServiceView } from './view.ts'

/** The broken invariants of `view`, as sentences. */
export function checkInvariants(view: ClusterView): string[] {
  const faults: string[] = []
  const open = new Map<string, Set<number>>()
  const generations = new Map<number, string>()
  for (const service of Object.values(view.services)) {
    checkService(service, faults)
    const { sid, grant } = service
    if (grant === null) continue
    for (const { node, epoch, generation = grant.generation } of grant.holders) {
      if (generation >= view.nextGeneration)
        faults.push(`${sid}: generation ${generation} was not allotted yet`)
      const twin = generations.get(generation)
      if (twin) faults.push(`${sid} and ${twin} share generation ${generation}`)
      generations.set(generation, sid)
      if (!view.nodes[node]) faults.push(`${sid}: its holder ${node} is no node of this cluster`)
      open.set(node, (open.get(node) ?? new Set()).add(epoch))
    }
  }
  for (const node of Object.values(view.nodes))
    checkNode(node, open.get(node.name) ?? new Set(), faults)
  return faults
}

function checkService(
  { sid, config, status, grant, everGranted }: ServiceView,
  faults: string[],
): void {
  if (config === null && status === null && grant === null)
    faults.push(`${sid} is neither configured nor managed nor granted`)
  if (grant !== null) {
    const { holders } = grant
    if (!everGranted) faults.push(`${sid} has a grant, and is said never to have had one`)
    if (holders.length === 0) faults.push(`${sid}: its open grant has no holder`)
    if (new Set(holders.map((holder) => holder.node)).size !== holders.length)
      faults.push(`${sid}: a node holds its grant twice`)
    if (holders[0]?.generation !== undefined)
      faults.push(`${sid}: its older holder bears a number beside the grant's`)
    if (holders.length > 2) faults.push(`${sid}: its grant has ${holders.length} holders`)
    if (
      status?.state === 'stopped' ||
      status?.state === 'recovery' ||
      status?.state === 'request_start'
    )
      faults.push(`${sid} is ${status.state} although its grant ${grant.generation} is open`)
    if (status?.running && !holders.some((holder) => holder.node === status.node))
      faults.push(`${sid} is said to run on ${status.node}, which does not hold its grant`)
  }
  if (status === null) return
  const isMoving = status.state === 'relocate' || status.state === 'migrate'
  if (isMoving && (status.target === null || status.target === status.node))
    faults.push(`${sid} is in ${status.state} without another node to go to`)
}

function checkNode(node: NodeView, open: Set<number>, faults: string[]): void {
  const { name, lease, revocations } = node
  for (const epoch of open) {
    if (epoch > lease.epoch)
      faults.push(`${name} holds a grant of lease epoch ${epoch}, beyond its own ${lease.epoch}`)
    if (epoch === lease.epoch && lease.bootId === null)
      faults.push(`${name} holds a grant of lease epoch ${epoch}, which was never opened`)
    if (epoch < lease.epoch && !revocations.some((one) => one.epoch === epoch))
      faults.push(
        `${name} holds a grant of lease epoch ${epoch}, whose revocation is not on record`,
      )
    if (epoch < lease.epoch && lease.bootId !== null)
      faults.push(
        `${name} has lease epoch ${lease.epoch} although grants of epoch ${epoch} are open`,
      )
  }
  for (const { epoch } of revocations) {
    if (epoch >= lease.epoch) faults.push(`${name}: lease epoch ${epoch} is revoked and current`)
    if (!open.has(epoch))
      faults.push(`${name}: revoked lease epoch ${epoch} is remembered with no open grant`)
  }
  if (new Set(revocations.map((one) => one.epoch)).size !== revocations.length)
    faults.push(`${name}: a lease epoch was revoked twice`)
  if (lease.judgedUntilMs < lease.leaseUntilMs)
    faults.push(`${name} is judged dead before its fence deadline`)
}
