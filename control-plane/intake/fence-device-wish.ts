// May this become a fence device of this node? A device that speaks of another machine is the one mistake that makes two
// copies, so it is judged by what it says and by what the node says of itself. Pure.
import type { FenceDeviceSetup } from '../../shared/fence-device.ts'
import {
  identityText,
  isSameMachine,
  isSameUuid,
  type MachineIdentity,
} from '../../shared/machine-identity.ts'
import type { ClusterView, NodeName, NodeView } from '../cluster/view.ts'
import { type Refusal, refuse } from './refusal.ts'

export type FenceDeviceWish = {
  name: string
  kind: FenceDeviceSetup['kind']
  /** As the operator names the machine; null: as the device says, if the node says the same. */
  expects: MachineIdentity | null
}

/** What the device said when it was asked; `fault`: that it did not. */
export type Said = { state: string | null; identity: MachineIdentity | null; fault: string }

export type AcceptedDevice = { expects: MachineIdentity; warnings: string[] }

/** More feeds than any machine has. */
const mostDevices = 8

/**
 * @param hardwareIds what each node says of itself: on a real machine the UUID of its firmware
 */
export function judgeFenceDevice(
  view: ClusterView,
  node: NodeView,
  wish: FenceDeviceWish,
  said: Said,
  hardwareIds: Readonly<Record<NodeName, string>>,
): AcceptedDevice | Refusal {
  const { name, kind, expects } = wish
  const hardwareId = hardwareIds[node.name] ?? ''
  const wrongKind = refuseKind(view, kind)
  if (wrongKind) return wrongKind
  if (expects !== null && expects.uuid === null && expects.serial === null)
    return invalid('expects', 'must name the uuid or the serial of the machine')
  const others = (node.fenceDevices ?? []).filter((one) => one.name !== name)
  if (others.length >= mostDevices)
    return invalid('name', `${node.name} has ${mostDevices} fence devices already`)
  const judged = expects === null ? asItSays(node, name, said, hardwareId) : asNamed(expects, said)
  if ('refused' in judged) return judged
  const doubts = doubtsAbout(node.name, [judged.expects, said.identity], hardwareIds)
  if ('refused' in doubts) return doubts
  return { ...judged, warnings: [...judged.warnings, ...doubts, ...warnings(node, kind, said)] }
}

/** Before it is asked anything. */
export function refuseKind(
  { cluster }: ClusterView,
  kind: FenceDeviceWish['kind'],
): Refusal | null {
  return kind === 'simulated' && !cluster.development
    ? invalid('kind', 'simulated devices exist in development clusters only')
    : null
}

/** The operator leaves it to the device: then the node itself must say the same. */
function asItSays(
  { name: node }: NodeView,
  device: string,
  { identity, fault }: Said,
  hardwareId: string,
): AcceptedDevice | Refusal {
  const advice = 'name the machine that it must speak of (uuid or serial)'
  if (identity === null)
    return refuse(
      'device-unreachable',
      `${device} does not say which machine it speaks of: ${fault}; or ${advice}`,
    )
  if (identity.uuid === null && identity.serial === null)
    return refuse(
      'identity-unknown',
      `${device} does not say which machine it speaks of: ${advice}`,
    )
  const says = `${device} speaks of ${identityText(identity)}, and node ${node} says of itself ${hardwareId}`
  if (!isSameUuid(hardwareId, hardwareId))
    return refuse('identity-unknown', `${says}, which is no uuid to compare: ${advice}`)
  if (!isSameUuid(hardwareId, identity.uuid))
    return refuse('other-machine', `${says}: if that is one machine all the same, ${advice}`)
  return { expects: identity, warnings: [] }
}

function asNamed(expects: MachineIdentity, { identity, fault }: Said): AcceptedDevice | Refusal {
  if (identity === null) return { expects, warnings: [`it was not reached: ${fault}`] }
  if (isSameMachine(expects, identity)) return { expects, warnings: [] }
  return refuse(
    'other-machine',
    `it speaks of ${identityText(identity)}, not of ${identityText(expects)}`,
  )
}

/**
 * A person may know better than firmware which machine it is, but not that a node is another one of its cluster: to switch
 * off n2 proves nothing of n1. Where the node says another uuid of itself that person is told so.
 */
function doubtsAbout(
  node: NodeName,
  machines: readonly (MachineIdentity | null)[],
  hardwareIds: Readonly<Record<NodeName, string>>,
): string[] | Refusal {
  const own = hardwareIds[node] ?? ''
  const uuids = machines.flatMap((machine) => machine?.uuid ?? [])
  const foreign = uuids.filter((uuid) => !isSameUuid(own, uuid))
  for (const [other, id] of Object.entries(hardwareIds))
    if (other !== node && foreign.some((uuid) => isSameUuid(id, uuid)))
      return refuse(
        'other-machine',
        `it speaks of uuid ${id}, which node ${other} says of itself: that is not ${node}`,
      )
  if (foreign.length === 0 || !isSameUuid(own, own)) return []
  return [
    `node ${node} says of itself ${own}, and this device is to speak of uuid ${foreign[0]}: if that is another machine, ${node} may be taken for dead while it runs`,
  ]
}

function warnings(node: NodeView, kind: string, { state, fault }: Said): string[] {
  const told: string[] = []
  if (fault === '' && node.state === 'online' && state !== 'on')
    told.push(`it says ${state} of a node that is online: it may be the wrong one`)
  if (kind === 'redfish' && node.virtual)
    told.push(
      `${node.name} is a virtual machine: its own hypervisor says more than a controller of its host`,
    )
  return told
}

function invalid(field: string, message: string): Refusal {
  return refuse('invalid', message, [{ field, message }])
}
