// Lookups over the view as it was read, so that no question costs a pass over all services. Each is made when it is
// first asked for. What the plan changed since is to be read in its view.
import type { OrderResult, RunningService } from '../../../shared/protocol.ts'
import { compareText } from '../../cluster/grants.ts'
import type { ClusterView, NodeName, Sid } from '../../cluster/view.ts'
import { isMeasuredWithNode } from './usage/loads.ts'

/** One entry of a node's report of what runs there. */
export type Running = { node: NodeName; found: RunningService }

/** Who is to be asked about something besides the state of each; everyone else is as most are. All in order. */
export type Census = {
  /** To be taken up or let go of. */
  toManage: readonly Sid[]
  /** The desired state asks the nodes about them. */
  probed: readonly Sid[]
  /** Between two nodes. */
  moving: readonly Sid[]
  /** With a note on record. */
  noted: readonly Sid[]
  /** Nobody holds a grant for them. */
  ungranted: readonly Sid[]
  /** On a node, or bound for one, without being part of what that node was measured to use. */
  unmeasured: readonly Sid[]
}

const nothing: ReadonlyMap<string, OrderResult> = new Map()

export class ViewIndex {
  readonly #view: ClusterView
  readonly #allSids: readonly Sid[]
  readonly #failures = new Map<NodeName, ReadonlyMap<string, OrderResult>>()
  readonly #successes = new Map<NodeName, ReadonlyMap<string, OrderResult>>()
  readonly #running = new Map<Sid, Running[]>()
  #census: Census | null = null
  #sids: Map<NodeName, Sid[]> | null = null

  /** @param sids those of the view, in order */
  constructor(view: ClusterView, sids: readonly Sid[]) {
    this.#view = view
    this.#allSids = sids
  }

  /** One pass for all that would else take one each. */
  get census(): Census {
    this.#census ??= takeCensus(this.#view, this.#allSids)
    return this.#census
  }

  /** What `node` answered to the order `uid`. */
  result(node: NodeName, uid: string): OrderResult | null {
    const failure = this.failures(node).get(uid)
    return failure ?? this.#answers(this.#successes, node, true).get(uid) ?? null
  }

  /** What `node` answered otherwise than `ok`, by order. Few, as a rule. */
  failures(node: NodeName): ReadonlyMap<string, OrderResult> {
    return this.#answers(this.#failures, node, false)
  }

  #answers(
    known: Map<NodeName, ReadonlyMap<string, OrderResult>>,
    node: NodeName,
    isOk: boolean,
  ): ReadonlyMap<string, OrderResult> {
    let answers = known.get(node)
    if (!answers) {
      answers = answersOf(this.#view.nodes[node]?.report?.results ?? [], isOk)
      known.set(node, answers)
    }
    return answers
  }

  /** Services located on `node`, moving to it, or held by it. */
  sidsOn(node: NodeName): readonly Sid[] {
    this.#sids ??= indexSids(this.#view, this.#allSids)
    return this.#sids.get(node) ?? []
  }

  /**
   * Which nodes last said that they run `sid`, under whatever lease they had then; by name.
   * @param likely of whom it will be asked as well: one look at the reports finds all of them
   */
  runningAt(sid: Sid, likely: () => Iterable<Sid>): readonly Running[] {
    const known = this.#running.get(sid)
    if (known) return known
    this.#lookFor([sid, ...likely()])
    return this.#running.get(sid)!
  }

  #lookFor(sids: readonly Sid[]): void {
    for (const sid of sids) this.#running.set(sid, [])
    for (const node of Object.keys(this.#view.nodes).sort(compareText))
      for (const found of this.#view.nodes[node]!.report?.running ?? [])
        this.#running.get(found.sid)?.push({ node, found })
  }
}

function takeCensus({ services }: ClusterView, sids: readonly Sid[]): Census {
  const toManage: Sid[] = []
  const probed: Sid[] = []
  const moving: Sid[] = []
  const noted: Sid[] = []
  const ungranted: Sid[] = []
  const unmeasured: Sid[] = []
  for (const sid of sids) {
    const { config, status, grant } = services[sid]!
    if (grant === null) ungranted.push(sid)
    const isManaged = config !== null && config.requested !== 'ignored'
    if (isManaged !== (status !== null)) toManage.push(sid)
    if (status === null) continue
    if (status.probeRound !== null) probed.push(sid)
    if (status.state === 'migrate' || status.state === 'relocate') moving.push(sid)
    if (status.note !== '') noted.push(sid)
    if (!isMeasuredWithNode(status)) unmeasured.push(sid)
  }
  return { toManage, probed, moving, noted, ungranted, unmeasured }
}

function answersOf(results: readonly OrderResult[], isOk: boolean) {
  let answers: Map<string, OrderResult> | null = null
  for (const result of results)
    if ((result.outcome === 'ok') === isOk) {
      answers ??= new Map()
      answers.set(result.uid, result)
    }
  return answers ?? nothing
}

function indexSids({ services }: ClusterView, sids: readonly Sid[]): Map<NodeName, Sid[]> {
  const index = new Map<NodeName, Sid[]>()
  const add = (node: NodeName, sid: Sid) => {
    const known = index.get(node)
    if (!known) index.set(node, [sid])
    // A service is added to one node after the other: it can only be the last there.
    else if (known.at(-1) !== sid) known.push(sid)
  }
  for (const sid of sids) {
    const { status, grant } = services[sid]!
    if (status?.node) add(status.node, sid)
    if (status?.target) add(status.target, sid)
    for (const holder of grant?.holders ?? []) add(holder.node, sid)
  }
  return index
}
