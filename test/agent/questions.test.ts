// What an agent is asked beside all orders: each question is answered once and in time, whatever its driver does, and what it
// cannot read it leaves.
import { describe, expect, it } from 'vitest'
import type { Driver } from '../../agent/drivers/driver.ts'
import { createQuestions, type QuestionDeps } from '../../agent/questions.ts'
import type { NodeAnswer } from '../../shared/node-question.ts'

const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const question = (n: number, more: object = {}) =>
  JSON.stringify({ uid: uid(n), kind: 'describe', sid: 'vm:100', domain: 'web', ...more })
const described: NodeAnswer = {
  ...{ kind: 'described', name: 'web', uuid: uid(9), xml: '<domain/>' },
  ...{ state: 'running', isAutostarted: false },
}

/** An agent whose only driver describes so; a reply that is lost is tried once more. */
function asked(describeIt: () => Promise<NodeAnswer>, replies: ('ok' | 'failed')[] = []) {
  const answers: { uid: string; answer: NodeAnswer }[] = []
  const timers: (() => void)[] = []
  const driver = { type: 'vm', describe: describeIt } as unknown as Driver
  const client: QuestionDeps['client'] = {
    answer: async (to, answer) => {
      answers.push({ uid: to, answer })
      return replies.shift() === 'failed'
        ? { kind: 'failed', why: 'lost' }
        : { kind: 'ok', answer: {} }
    },
  }
  const questions = createQuestions({
    ...{ drivers: [driver], client, log: () => {} },
    timers: {
      set: (call) => timers.push(call) as never,
      clear: () => {},
    },
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { questions, answers, timers, settle }
}

describe('a question', () => {
  it('is answered once, however often it is told; and told again where the answer was lost', async () => {
    const { questions, answers, settle } = asked(async () => described, ['failed'])
    questions.take(question(1))
    questions.take(question(1))
    await settle()
    expect(answers).toEqual([{ uid: uid(1), answer: described }])
    questions.take(question(1))
    await settle()
    questions.take(question(1))
    await settle()
    expect(answers).toHaveLength(2)
  })

  it('is refused in time where the driver hangs, and in words where it cannot tell', async () => {
    const hanging = asked(() => new Promise(() => {}))
    hanging.questions.take(question(1))
    await hanging.settle()
    hanging.timers[0]!()
    await hanging.settle()
    const why = 'it cannot be told: no answer within 8000 ms'
    expect(hanging.answers).toMatchObject([{ answer: { kind: 'refused', why } }])
    const failing = asked(() => Promise.reject(new Error('no daemon')))
    failing.questions.take(question(1))
    await failing.settle()
    expect(failing.answers[0]!.answer).toEqual({
      ...{ kind: 'refused', why: 'it cannot be told: no daemon' },
    })
  })

  it('of a kind that no driver here describes is refused', async () => {
    const { questions, answers, settle } = asked(async () => described)
    questions.take(question(1, { sid: 'ct:100' }))
    await settle()
    expect(answers).toMatchObject([{ answer: { kind: 'refused' } }])
  })

  it('that comes while another is in hand, or that cannot be read, is left', async () => {
    const { questions, answers, settle } = asked(() => new Promise(() => {}))
    for (const text of ['', '{', question(2, { kind: 'later' }), question(2, { domain: '-x' })])
      questions.take(text)
    questions.take(question(1))
    questions.take(question(3))
    await settle()
    expect(answers).toEqual([])
  })
})
