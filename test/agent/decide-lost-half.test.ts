// A half of a live move whose epoch is lost: it keeps the node from the next epoch until it is settled, so its end is tried again
// until it is known, also once new orders have been read.
import { expect, test } from 'vitest'
import { ended, incoming, moving, newest } from './live-steps.ts'
import { desired, generation, plane, resumed, sid, Steps } from './steps.ts'

const planeEpoch = { ...plane, number: plane.number + 1 }

/** The plane has lost this epoch, and the orders of the new history have been read without one. */
function loseEpoch(steps: Steps, ...said: Parameters<Steps['tell']>): void {
  steps.nowMs += 3_100
  steps.tell()
  const { seq } = steps.last('renew')!.request
  steps.tell({ kind: 'lease-refused', seq, refused: { code: 'regressed', detail: '', planeEpoch } })
  expect(steps.lrm.epoch).toBeNull()
  steps.tell(...said)
  steps.orders(desired([], { revision: newest(), planeEpoch }))
  expect(steps.lrm.desired).not.toBeNull()
}

const count = (steps: Steps, kind: string) => steps.all.filter((one) => one.kind === kind).length

/** Asked what it holds, it looks at its host, and answers. */
function isAskedAndAnswers(steps: Steps): void {
  const questions = [{ sid, generation }]
  steps.tell({
    kind: 'epoch-answered',
    answer: { status: 'challenge', nonce: 'n', questions, planeEpoch },
  })
  steps.nowMs += 2_500
  steps.tell()
  expect(steps.lrm.survey.running).toBe(true)
  steps.tell({ kind: 'surveyed', found: [] })
  expect(steps.last('ask-epoch')?.nonce).toBe('n')
}

test.each([true, false])(
  'a source that could not end its half tries again (sent: %s)',
  (isSent) => {
    const steps = moving()
    if (isSent) steps.tell(ended('sent', 'ok'))
    loseEpoch(steps, ended('unknown'))
    const before = count(steps, 'cancel-move')
    steps.nowMs += 1_001
    steps.tell()
    expect(count(steps, 'cancel-move')).toBe(before + 1)
    steps.tell(ended('unknown'))
    steps.tell()
    expect(count(steps, 'cancel-move')).toBe(before + 1)
    steps.nowMs += 1_001
    steps.tell()
    expect(count(steps, 'cancel-move')).toBe(before + 2)
    steps.tell(ended('nothing'))
    expect(steps.lrm.services[sid]?.phase ?? 'idle').toBe('idle')
    isAskedAndAnswers(steps)
  },
)

test('a target whose half is found when there is no epoch ends it', () => {
  const steps = new Steps(resumed({ journal: { epoch: null, started: {} } }))
  steps.tell()
  steps.orders(desired([], { revision: newest() }))
  expect(steps.lrm.desired).not.toBeNull()
  steps.tell({ kind: 'surveyed', found: [{ sid, generation: incoming, state: 'incoming' }] })
  expect(steps.last('stop')).toMatchObject({ sid, generation: incoming })
})
