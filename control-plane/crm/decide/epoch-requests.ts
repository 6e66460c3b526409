// A node asks for a new lease epoch: its process, its boot or its lease is new. It gets one when every grant of its
// older epochs is closed or adopted, one by one, on what its drivers find after the challenge (rule 6, S3, S9).
// Must never take a boot's word for what another boot ran, nor an answer given before the revocation.
import { whereToLook } from '../../cluster/doubt-words.ts'
import type { EpochRequestView } from '../../cluster/node-words.ts'
import type { NodeName, NodeView, RevocationView, Sid } from '../../cluster/view.ts'
import type { ServiceGeneration } from '../../../shared/protocol.ts'
import { decideChange, type Draft, heldBy, newId } from './draft.ts'
import { pursueEvidence } from './evidence.ts'
import { isRenewing, setNodeState } from './node-states.ts'
import { surveyOf } from './survey.ts'

/** Challenges, settles or refuses every node that asks. */
export function settleEpochRequests(draft: Draft): void {
  for (const { name, epochRequest } of surveyOf(draft).restless) {
    if (epochRequest === null) continue
    const waitsFor = answerRequest(draft, name, epochRequest)
    if (waitsFor === null) continue
    draft.challengeNotes.set(name, waitsFor)
    draft.nodeNotes.set(name, `asks for a lease: ${waitsFor}`)
  }
}

/** Returns what is waited for, or null. */
function answerRequest(draft: Draft, name: NodeName, request: EpochRequestView): string | null {
  const node = draft.view.nodes[name]!
  const { lease, challenge } = node
  const isChallenged =
    lease.bootId === null && challenge?.epoch === lease.epoch && challenge.bootId === request.bootId
  if (!isChallenged) return challengeNode(draft, name, request)
  if (request.nonce !== challenge.nonce) return 'has not answered the challenge yet'
  if (request.planeEpoch !== draft.view.planeEpoch.number)
    return `must take over plane epoch ${draft.view.planeEpoch.number} first`
  return settle(draft, name, request)
}

function challengeNode(draft: Draft, name: NodeName, request: EpochRequestView): string | null {
  const { lease } = draft.view.nodes[name]!
  // An answer to a challenge that is over, by the boot that has its lease already: it came late, and asks for nothing.
  if (request.nonce !== null && lease.bootId === request.bootId) return null
  const isOtherBoot = lease.bootId !== null && lease.bootId !== request.bootId
  if (isOtherBoot && isOldNews(draft, draft.view.nodes[name]!, request)) return null
  if (!request.sameHardware && (lease.bootId !== null || heldBy(draft, name).length > 0))
    return 'this is other hardware than joined under this name; confirm the death of the old one, or remove the node'
  // SAFETY: a machine that has booted again does not renew in its old boot. One of the two speaks late, or is a copy.
  if (isOtherBoot && isRenewing(draft, draft.view.nodes[name]!))
    return 'another boot of it holds its lease, and renews'
  if (lease.bootId !== null) {
    setNodeState(draft, name, 'unknown', 'it asks for a new lease')
    const why = `${name} asks for a new lease: ${isOtherBoot ? 'it has booted again' : 'its agent is new'}`
    decideChange(draft, {
      kind: 'lease.revoked',
      node: name,
      epoch: lease.epoch,
      mode: 'asked',
      why,
    })
  }
  const questions = heldBy(draft, name).map(({ sid, generation }) => ({ sid, generation }))
  decideChange(draft, {
    kind: 'node.challenged',
    node: name,
    epoch: draft.view.nodes[name]!.lease.epoch,
    bootId: request.bootId,
    nonce: newId(draft),
    questions,
    why: questions.length === 0 ? 'it held no grants' : `it held ${questions.length} grants`,
  })
  return 'has not answered the challenge yet'
}

/** Said by a boot that is gone, and delayed on its way: the boot that has the lease has spoken since. */
function isOldNews(draft: Draft, node: NodeView, request: EpochRequestView): boolean {
  if (isRenewing(draft, node)) return isLongAgo(draft, request)
  return request.requestedMs <= (node.lease.renewedMs ?? 0)
}

function isLongAgo(draft: Draft, { requestedMs }: EpochRequestView): boolean {
  return draft.nowMs - requestedMs >= draft.view.settings.timing.silentMs
}

function settle(draft: Draft, name: NodeName, request: EpochRequestView): string | null {
  const adopts: ServiceGeneration[] = []
  const waits: string[] = []
  for (const revocation of draft.view.nodes[name]!.revocations) {
    if (revocation.bootId === request.bootId)
      settleSameBoot(draft, name, revocation, request, adopts, waits)
    else settleOtherBoot(draft, name, revocation, request, waits)
  }
  pursueEvidence(draft, name)
  const isAdopted = new Set(adopts.map(({ sid }) => sid))
  const open = heldBy(draft, name).filter(({ sid }) => !isAdopted.has(sid))
  if (open.length > 0) return waits[0] ?? `${open[0]!.sid} is not settled`
  // Whoever waits asks again and again. One that fell silent gets no lease that others would have to wait for.
  if (isLongAgo(draft, request)) return 'it has not asked again'
  // SAFETY: its devices would switch the old machine off, and prove this one dead by that.
  if (!request.sameHardware && (draft.view.nodes[name]!.fenceDevices ?? []).length > 0)
    return 'this is other hardware than its fence devices switch off: remove them, and set them up anew once it has its lease'
  decideChange(draft, {
    kind: 'lease.opened',
    node: name,
    epoch: draft.view.nodes[name]!.lease.epoch,
    bootId: request.bootId,
    adopts: heldBy(draft, name).map(({ sid, generation }) => ({ sid, generation })),
    why:
      adopts.length === 0
        ? 'it runs nothing of its older epochs'
        : 'the rest is found running and adopted',
  })
  return null
}

/** The boot that held the grants answers for itself, service by service. */
function settleSameBoot(
  draft: Draft,
  name: NodeName,
  { epoch, bootId }: RevocationView,
  request: EpochRequestView,
  adopts: ServiceGeneration[],
  waits: string[],
): void {
  for (const held of heldBy(draft, name)) {
    if (held.epoch !== epoch) continue
    const { sid, generation } = held
    const found = copiesFound(
      request,
      sid,
      draft.view.services.get(sid)!.status?.foundAs ?? null,
      held,
    )
    const stray = found.find((one) => one.generation !== generation && one.state !== 'stopped')
    const own = new Set(
      found.filter((one) => one.generation === generation).map((one) => one.state),
    )
    if (stray)
      waits.push(
        `finds ${sid} as generation ${stray.generation}, but ${generation} is granted: stop it there by hand`,
      )
    else if (own.size > 1) waits.push(`says both ${[...own].sort().join(' and ')} of ${sid}`)
    else if (own.has('running')) adopts.push({ sid, generation })
    else if (own.has('stopped'))
      decideChange(draft, {
        kind: 'evidence.recorded',
        evidence: 'agent-stopped',
        node: name,
        epoch,
        scope: { sid, generation },
        facts: { bootId, nonce: request.nonce },
        why: `the drivers of ${name} find nothing of generation ${generation}`,
      })
    else waits.push(`cannot say yet whether ${sid} runs: ${whereToLook(sid)}`)
  }
}

type Found = EpochRequestView['found'][number]

/** What was found of a service. An adopted copy may still be named by the number it bears: it is the one that is granted. */
function copiesFound(
  { found }: EpochRequestView,
  sid: Sid,
  foundAs: number | null,
  { generation }: ServiceGeneration,
): Found[] {
  const copies = found.filter((one) => one.sid === sid)
  const isCopy = (one: Found) => one.generation === foundAs && one.state !== 'stopped'
  if (foundAs === null || !copies.some(isCopy)) return copies
  // A process that has forgotten the adoption doubts the granted number, because it finds another.
  return copies
    .filter((one) => one.generation !== generation || one.state !== 'unknown')
    .map((one) => (isCopy(one) ? { ...one, generation } : one))
}

/** Another boot of the same machine: the old one executes nothing any more, if it is the same machine. */
function settleOtherBoot(
  draft: Draft,
  name: NodeName,
  { epoch, bootId }: RevocationView,
  request: EpochRequestView,
  waits: string[],
): void {
  const node = draft.view.nodes[name]!
  const doubt = doubtAboutNewBoot(draft, node, request)
  if (doubt !== null) {
    waits.push(doubt)
    return
  }
  decideChange(draft, {
    kind: 'evidence.recorded',
    evidence: 'new-boot',
    node: name,
    epoch,
    scope: null,
    facts: { oldBootId: bootId, newBootId: request.bootId, nonce: request.nonce },
    why: `${name} has booted again and finds nothing running`,
  })
}

function doubtAboutNewBoot(draft: Draft, node: NodeView, request: EpochRequestView): string | null {
  const confirm = `a person can confirm with: ha-manager fence confirm ${node.name}`
  if (!request.sameHardware) return `this is other hardware than ran its services; ${confirm}`
  const isSimulated = node.watchdog.class === 'simulated' && draft.view.cluster.development
  if (node.virtual && !isSimulated)
    return `a virtual machine that boots again does not prove that the old one is gone; ${confirm}`
  const left = request.found.find((one) => one.state !== 'stopped')
  if (left) return `finds ${left.sid} ${left.state} after its boot, and must end it first`
  return null
}
