// One look at the host: every driver is asked, each by itself. One that hangs holds up what is told of the others for a
// moment only, and is then blind: nothing is known of its kind. It is not asked again before it has answered.
// SAFETY: where a start gate is not in place, what runs without a grant is found and ended all the same: that is all there
// is then. Of such a kind it counts what is found, and nothing that is not.
import { serviceType, type ServiceType } from '../../shared/names.ts'
import type { Timers } from '../../shared/clock.ts'
import type { Asked, Driver } from '../drivers/driver.ts'
import type { LrmEvent } from './decide/effect.ts'
import type { Blind, Found } from './decide/lrm.ts'

/** A driver that answered last time may take so long: longer than any of its tools is given. */
const patienceMs = 45_000
/** One that did not, or was never asked; at a start nothing is fed before the first look has ended. */
const shortPatienceMs = 2_000

export type Look = (
  asked: readonly Asked[],
  known?: readonly Asked[],
  held?: readonly string[],
) => Promise<LrmEvent>

type About = [asked: readonly Asked[], known: readonly Asked[], held: readonly string[]]
type Answer = { found: Found[]; blind: Blind[] }

/** Looks with these drivers; what is given back resolves within `patienceMs`, and never rejects. */
export function createLook(drivers: readonly Driver[], timers: Timers): Look {
  const asks = drivers.map((driver) => askOne(driver, timers))
  return async (asked, known = [], held = []) => {
    const answers = await Promise.all(asks.map((ask) => ask(asked, known, held)))
    return {
      kind: 'surveyed',
      found: answers.flatMap(({ found }) => found),
      blind: answers.flatMap((one) => one.blind),
    }
  }
}

function askOne(driver: Driver, timers: Timers): (...about: About) => Promise<Answer> {
  const { type } = driver
  const own = (all: readonly Asked[]) => all.filter(({ sid }) => serviceType(sid) === type)
  let isAsked = false
  let hasAnswered = false

  async function survey(...[asked, known, held]: About): Promise<Answer> {
    isAsked = true
    try {
      const answer = await surveyWith(own(asked), own(known), held)
      hasAnswered = true
      return answer
    } catch (error) {
      hasAnswered = false
      return blind(type, (error as Error).message)
    } finally {
      isAsked = false
    }
  }

  async function surveyWith(...[asked, known, held]: About): Promise<Answer> {
    try {
      return { found: await driver.survey(asked, known, held), blind: [] }
    } catch (error) {
      if (asked.length + known.length === 0) throw error
      // By its marks, and by what it has met before.
      const found = await driver.survey()
      return { ...blind(type, (error as Error).message), found }
    }
  }

  return async (...about) => {
    if (isAsked) return blind(type, 'it has not answered the look before')
    const limitMs = hasAnswered ? patienceMs : shortPatienceMs
    return await within(survey(...about), limitMs, timers, () => {
      hasAnswered = false
      return blind(type, `no answer within ${limitMs} ms`)
    })
  }
}

const blind = (type: ServiceType, why: string): Answer => ({
  found: [],
  blind: [{ type, why }],
})

function within<T>(work: Promise<T>, limitMs: number, timers: Timers, late: () => T): Promise<T> {
  return new Promise((resolve) => {
    const timer = timers.set(() => resolve(late()), limitMs)
    void work.then((result) => {
      timers.clear(timer)
      resolve(result)
    })
  })
}
