// Ways to the API of a world's plane. At a console: asked in process, and answered before anything else happens in the
// world. From afar: over a link to one replica, which may be dead, and the answer may be lost.
import { readCluster } from '../../control-plane/store/memory/read.ts'
import { withCode } from './database-parts.ts'
import type { SimDatabase } from './database.ts'
import { replyFault } from './answers-kept.ts'
import { answer, type PlainReply } from './in-process.ts'
import { Link, type Question, sendOver } from './link.ts'
import { type Ask, Operator, type OperatorReply, type OperatorRequest } from './operator.ts'
import { clusterName, operatorApi, type Person, secretOf } from './operator-api.ts'
import { type OnLog, planeLogger } from './plane-log.ts'
import { HostClock, Process } from './process.ts'
import type { Chance } from './random.ts'
import type { Replica } from './replica.ts'
import type { Scheduler } from './scheduler.ts'

export type PeopleParts = {
  scheduler: Scheduler
  database: SimDatabase
  replicas: Replica[]
  clusterId: number
  chance: Chance
  onLog: OnLog
  /** Told of an answer that no answer may be. */
  onFault: (fault: string) => void
}

/** People give up after so long. */
const patienceMs = 10_000

export class People {
  /** Commands asked for at the console get their numbers from here. */
  readonly numbers: Chance
  readonly atConsole: Operator
  readonly fromAfar: { operator: Operator; link: Link }

  constructor(parts: PeopleParts) {
    const { database, clusterId, chance } = parts
    const { memory } = database
    const view = () => readCluster(memory.cluster(clusterId), memory.server, memory.now()).view
    this.numbers = chance.stream('operator')
    this.atConsole = new Operator(view, judged(parts, oneByOne(askAtConsole(parts, this.numbers))))
    const afar = chance.stream('remote operator')
    const link = new Link(parts.scheduler, afar.stream('link'))
    this.fromAfar = {
      operator: new Operator(view, judged(parts, askOver(link, parts, afar))),
      link,
    }
  }
}

function judged({ onFault }: PeopleParts, ask: Ask): Ask {
  return async (by, request) => {
    const reply = await ask(by, request)
    const fault = reply && replyFault(by, request, reply)
    if (fault) onFault(fault)
    return reply
  }
}

/** Does not depend on any replica, and finds what is locked or not answering busy or unavailable at once. */
function askAtConsole({ scheduler, database, onLog }: PeopleParts, random: Chance): Ask {
  const { memory } = database
  const trip = async <T>(work: () => T): Promise<T> => {
    if (!database.isAnswering) throw withCode('no answer', 'ECONNREFUSED')
    return work()
  }
  const untilFree = async () => {
    throw withCode('canceling statement due to lock timeout', '55P03')
  }
  const app = operatorApi({
    ...{ database: memory, access: { trip, untilFree, within: () => trip } },
    ...{
      clock: new HostClock(scheduler),
      random,
      log: planeLogger(onLog),
      name: 'console',
    },
    // The commit rings the replicas.
    ring: () => {},
  })
  return async (by, request) => {
    const asked = scheduler.count
    const { method, url, headers, body, credential } = questionOf('http://console', by, request)
    const described = body === null ? {} : describe(body)
    const authorization = credential === null ? {} : { authorization: `Bearer ${credential}` }
    const { signal } = new AbortController()
    const all = { ...described, ...authorization, ...headers }
    const reply = await answer(app, { method, url, headers: all, body, signal })
    if (scheduler.count !== asked) throw new Error('other things happened before the answer')
    return replyOf(reply)
  }
}

/** Whoever asks while another is being answered waits: nobody is told that the cluster is busy with another wish. */
function oneByOne(ask: Ask): Ask {
  let last: Promise<unknown> = Promise.resolve()
  return (by, request) => {
    const asked = last.then(() => ask(by, request))
    last = asked.catch(() => {})
    return asked
  }
}

function askOver(link: Link, { scheduler, replicas }: PeopleParts, chance: Chance): Ask {
  const process = new Process(scheduler, new HostClock(scheduler))
  const replicaAt = (origin: string) => replicas.find(({ url }) => url === origin)!
  const send = sendOver(link, process, replicaAt)
  return async (by, request) => {
    const question = questionOf(chance.pick(replicas).url, by, request)
    try {
      return replyOf((await send(question, patienceMs, null)) as PlainReply)
    } catch {
      return null
    }
  }
}

function questionOf(
  origin: string,
  by: Person | null,
  { method, path, body, headers = {} }: OperatorRequest,
): Question & { headers: Record<string, string> } {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const credential = by === null ? null : secretOf(by)
  const url = `${origin}/api/v1/clusters/${clusterName}${path}`
  return { method, url, body: body === undefined ? null : text, credential, headers }
}

function describe(body: string): Record<string, string> {
  const length = String(Buffer.byteLength(body))
  return { 'content-type': 'application/json', 'content-length': length }
}

function replyOf({ status, body, header }: PlainReply): OperatorReply {
  return { status, body: body === '' ? null : JSON.parse(body), etag: header('etag') }
}
