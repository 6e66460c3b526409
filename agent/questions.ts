// What the plane asks of this host for an operator: answered once each, one at a time, beside everything that is decided here.
// Changes nothing on the host, and holds up nobody: one that comes while another is in hand is told again by the plane.
import { systemTimers, type Timers } from '../shared/clock.ts'
import { serviceType } from '../shared/names.ts'
import { type NodeAnswer, NodeQuestion, questionPatienceMs } from '../shared/node-question.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'
import type { Driver } from './drivers/driver.ts'
import type { Log } from './log.ts'

export type Questions = {
  /** As it was told with the desired state. What cannot be read is of a later version, and left. */
  take(text: string): void
}

export type QuestionDeps = {
  drivers: readonly Driver[]
  client: Pick<ControlPlaneClient, 'answer'>
  log: Log
  timers?: Timers
}

/** Sooner than the plane gives up. */
const patienceMs = questionPatienceMs - 2_000
const answerTimeoutMs = 5_000
/** Of so many it is known that they were answered. */
const mostRemembered = 20

const refused = (why: string): NodeAnswer => ({ kind: 'refused', why: why.slice(0, 2_000) })

export function createQuestions(deps: QuestionDeps): Questions {
  const { drivers, client, log, timers = systemTimers } = deps
  let isBusy = false
  let answered: string[] = []

  async function describe({ sid, domain }: NodeQuestion): Promise<NodeAnswer> {
    const driver = drivers.find(({ type }) => type === serviceType(sid))
    if (!driver?.describe) return refused(`no driver here describes ${serviceType(sid)} services`)
    try {
      return await within(driver.describe(sid, domain), timers)
    } catch (error) {
      return refused(`it cannot be told: ${(error as Error).message}`)
    }
  }

  async function answer(question: NodeQuestion): Promise<void> {
    const { uid, sid, domain } = question
    const said = await describe(question)
    const reply = await client.answer(uid, said, answerTimeoutMs)
    const why = said.kind === 'refused' ? said.why : undefined
    log('info', 'question answered', { sid, domain, answer: said.kind, why, reply: reply.kind })
    // Lost, it is asked for again.
    if (reply.kind === 'ok') answered = [uid, ...answered].slice(0, mostRemembered)
  }

  return {
    take(text) {
      const question = read(text)
      if (question === null || isBusy || answered.includes(question.uid)) return
      isBusy = true
      void answer(question).finally(() => {
        isBusy = false
      })
    },
  }
}

function read(text: string): NodeQuestion | null {
  try {
    return NodeQuestion.parse(JSON.parse(text))
  } catch {
    return null
  }
}

function within<T>(work: Promise<T>, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no answer within ${patienceMs} ms`))
    const timer = timers.set(late, patienceMs)
    void work.then(resolve, reject).finally(() => timers.clear(timer))
  })
}
