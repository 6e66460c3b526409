// Views of a guest in the middle of a live move from n1 to n2, phase by phase, and what one round makes of them.
import { generationOn } from '../../control-plane/cluster/grants.ts'
import { desiredForAll } from '../../control-plane/cluster/orders.ts'
import type {
  ClusterView,
  NodeView,
  ServiceStatus,
  ServiceView,
} from '../../control-plane/cluster/view.ts'
import type { OrderResult, RunningService } from '../../shared/protocol.ts'
import { play } from './play.ts'
import {
  aNode,
  aService,
  buildView,
  nowMs,
  type NodeChanges,
  type ServiceChanges,
  silentNode,
} from './build-view.ts'

export const vm = 'vm:101'
export const uid = 'move-1'
/** Numbers of the source's half and of the target's. */
export const [g1, g2] = [5, 6] as const

const drivers: NodeView['drivers'] = ['process', 'vm']

export const guestNode = (name: string, changes: NodeChanges = {}) =>
  aNode(name, { drivers, ...changes })
export const silentGuestNode = (name: string, silentMs = 70_000) =>
  silentNode(name, { drivers }, silentMs)

export type Says = {
  running?: Partial<RunningService>
  closed?: number
  result?: OrderResult['outcome']
  detail?: string
  /** Of the order that the answer is to. */
  uid?: string
}

/** What `name` reported: its half, what it ended, what it answered. */
export function saying(node: NodeView, says: Says): NodeView {
  const half = {
    sid: vm,
    generation: node.name === 'n1' ? g1 : g2,
    state: 'running',
    stable: true,
  } as const
  const result = says.result && {
    uid: says.uid ?? uid,
    sid: vm,
    outcome: says.result,
    detail: says.detail ?? 'why',
  }
  const report = {
    ...node.report!,
    running: says.running ? [{ ...half, ...says.running }] : [],
    closed: says.closed === undefined ? [] : [{ sid: vm, generation: says.closed }],
    results: result ? [result] : [],
  }
  return { ...node, report }
}

export type Moving = {
  n1?: NodeView
  n2?: NodeView
  status?: Partial<ServiceStatus>
  grant?: ServiceView['grant']
  service?: ServiceChanges
  view?: Partial<Omit<ClusterView, 'nodes' | 'services' | 'groups' | 'settings'>>
}

export const [holderA, holderB] = [
  { node: 'n1', epoch: 3, confirmed: true },
  { node: 'n2', epoch: 3, confirmed: true, generation: g2 },
] as const

/** The guest moves, both nodes hold its grant and renew; or the changes thereof. */
export function aMove({ n1, n2, status, grant, service, view }: Moving = {}): ClusterView {
  const moving: Partial<ServiceStatus> = {
    ...{ state: 'migrate', target: 'n2', uid, running: false, deadlineMs: nowMs + 60_000 },
    ...status,
  }
  const held = grant === undefined ? { generation: g1, holders: [holderA, holderB] } : grant
  return buildView({
    nodes: [
      n1 ?? saying(guestNode('n1'), { running: { state: 'migrating' } }),
      n2 ?? saying(guestNode('n2'), { running: { state: 'incoming', address: 'n2:6' } }),
      guestNode('n3'),
    ],
    services: [
      aService(vm, 'n1', {
        ...service,
        status: { ...moving, ...service?.status },
        grant: held,
        lastGeneration: g2,
      }),
    ],
    ...view,
  })
}

export const n1 = guestNode('n1')
export const n2 = guestNode('n2')
export const n2Runs = saying(n2, { running: {} })
export const n2Waits = saying(n2, { running: { state: 'incoming', address: 'n2:6' } })
export const n1Runs = (more: Says = {}) => saying(n1, { running: {}, ...more })
export const n1Left = saying(n1, { closed: g1, result: 'ok' })

/** What `node` is told about the guest. */
export const orders = (view: ClusterView, node: string) =>
  desiredForAll(view)[node]!.services.find((order) => order.sid === vm)

/** The guest after one round, in short. */
export function after(view: ClusterView) {
  const { after: next, plan, lines } = play(view)
  const { status, grant } = next.services[vm]!
  const held = grant?.holders.map(({ node }) => `${node}/${generationOn(grant, node)}`) ?? []
  const note = plan.serviceNotes[vm] ?? status!.note
  const { state, node, target } = status!
  return { state, node, target, held, note, plan, lines, next }
}

export const back = (name: string) => ({ state: 'started', node: name, target: null })
