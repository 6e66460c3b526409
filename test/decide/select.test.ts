// The selection of a node, step by step (reference 2.14).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isWellPlaced,
  type Preference,
  type Question,
  select,
} from '../../control-plane/crm/decide/select.ts'

type Asked = {
  preference?: Preference
  current?: string | null
  failsBack?: boolean
  fallback?: string | null
  tried?: string[]
  allowed?: string[]
  preferred?: string[]
  together?: Record<string, number>
  apart?: string[]
  scores?: Record<string, number>
}

const all = ['n1', 'n2', 'n3']

/** Three equal nodes, the service on the second, and nothing to weigh but what a test says. */
function ask({ current = 'n2', apart = [], scores = {}, together = {}, ...rest }: Asked): Question {
  const { allowed = all, preferred = allowed } = rest
  return {
    preference: rest.preference ?? 'stay',
    current,
    failsBack: rest.failsBack ?? true,
    fallback: rest.fallback ?? null,
    tried: rest.tried ?? [],
    allowed: new Set(allowed),
    preferred: new Set(preferred),
    preferredInOrder: [...preferred].sort(),
    together: new Map(Object.entries(together)),
    apart: new Map(apart.map((node) => [node, { sid: 'vm:9', from: ['r'] }])),
    scores: () => new Map(Object.entries(scores)),
  }
}

const best = { preference: 'best-score' } as const
const next = { preference: 'try-next' } as const

describe('a node is selected', () => {
  it.each<[string, Asked, string | null]>([
    ['stays where it is', {}, 'n2'],
    ['… also where others score better', { scores: { n1: 0, n2: 9 } }, 'n2'],
    ['nowhere, when no node is allowed', { allowed: [] }, null],
    [
      'leaves a node that is not allowed, for the best',
      { allowed: ['n1', 'n3'], scores: { n1: 2, n3: 1 } },
      'n3',
    ],
    ['returns to the best class', { preferred: ['n3'] }, 'n3'],
    ['… but not without failback', { preferred: ['n3'], failsBack: false }, 'n2'],
    [
      'leaves a forbidden node also without failback',
      { allowed: ['n1', 'n3'], failsBack: false },
      'n1',
    ],
    ['leaves a partner it stays apart from', { apart: ['n2'] }, 'n1'],
    ['… also without failback', { apart: ['n2'], failsBack: false }, 'n1'],
    ['goes to the partners it is kept together with', { together: { n3: 1 } }, 'n3'],
    ['… also without failback', { together: { n3: 1 }, failsBack: false }, 'n3'],
    ['… to most of them', { together: { n1: 1, n3: 2 } }, 'n3'],
    ['… to the first of equals by name', { together: { n3: 1, n1: 1 } }, 'n1'],
    [
      '… and stays without failback where as many are as anywhere',
      { together: { n2: 1, n1: 1 }, failsBack: false },
      'n2',
    ],
    [
      '… but not where another is on a better node, from which it does not come',
      { preferred: ['n1'], together: { n2: 2, n1: 1 }, failsBack: false },
      'n1',
    ],
    [
      '… nor is it drawn by one on a node as good as its own',
      { preferred: ['n1'], together: { n2: 1, n3: 1 }, failsBack: false },
      'n2',
    ],
    ['… not to those outside the best class', { preferred: ['n1'], together: { n3: 5 } }, 'n1'],
    [
      '… not to those next to one it stays apart from',
      { together: { n3: 5, n1: 1 }, apart: ['n3'] },
      'n1',
    ],
    ['nowhere, when everywhere is one to stay apart from', { apart: all }, null],
    ['returns to where it ran before a maintenance', { fallback: 'n3' }, 'n3'],
    ['… whatever scores better', { ...best, fallback: 'n3', scores: { n1: 0, n3: 9 } }, 'n3'],
    ['… but not against partners', { fallback: 'n3', together: { n1: 1 } }, 'n1'],
    ['… nor outside the best class', { fallback: 'n3', preferred: ['n1', 'n2'] }, 'n2'],
    ['best-score: the lowest', { ...best, scores: { n1: 3, n2: 2, n3: 1 } }, 'n3'],
    ['best-score: equal scores by name', { ...best, scores: { n1: 1, n2: 1, n3: 1 } }, 'n1'],
    [
      'best-score: only those that are left',
      { ...best, apart: ['n3'], scores: { n1: 2, n2: 1, n3: 0 } },
      'n2',
    ],
    ['try-next: the one after where it is', { ...next, scores: { n1: 0, n2: 1, n3: 2 } }, 'n3'],
    ['try-next: the first after the last', { ...next, scores: { n1: 0, n3: 1, n2: 2 } }, 'n1'],
    [
      'try-next: the first where it is not among them',
      { ...next, tried: ['n2'], scores: { n1: 1 } },
      'n3',
    ],
    ['try-next: never where it failed', { ...next, tried: ['n2', 'n3', 'n3'] }, 'n1'],
    ['try-next: nowhere when it failed everywhere', { ...next, tried: all }, null],
    ['new: wherever is best', { current: null, scores: { n1: 1, n2: 0, n3: 1 } }, 'n2'],
  ])('%s', (_name, asked, expected) => {
    expect(select(ask(asked)).node).toBe(expected)
  })

  it('asks for scores only when there is a choice to make', () => {
    const scores = () => {
      throw new Error('asked')
    }
    expect(select({ ...ask({}), scores }).node).toBe('n2')
    expect(select({ ...ask({ ...best, allowed: ['n3'] }), scores }).node).toBe('n3')
    expect(() => select({ ...ask(best), scores })).toThrow('asked')
  })
})

describe('any selection', () => {
  const some = fc.subarray(all)
  const counts = fc.dictionary(fc.constantFrom(...all), fc.nat(2), { maxKeys: 3 })
  const asked = fc
    .record({
      preference: fc.constantFrom<Preference>('stay', 'try-next', 'best-score'),
      current: fc.constantFrom(...all, null),
      failsBack: fc.boolean(),
      fallback: fc.constantFrom(...all, null),
      tried: some,
      allowed: some,
      together: counts,
      apart: some,
      scores: counts,
    })
    .chain((question) =>
      fc.subarray(question.allowed).map((preferred): Asked => ({ ...question, preferred })),
    )

  it('is an allowed node, and none with a service to stay apart from', () => {
    fc.assert(
      fc.property(asked, (one) => {
        const { node } = select(ask(one))
        if (node === null) return
        expect(one.allowed).toContain(node)
        expect(one.apart).not.toContain(node)
      }),
    )
  })

  it('calls a service well placed only where it would leave it, and no partner is elsewhere', () => {
    fc.assert(
      fc.property(asked, (one) => {
        const question = ask({ ...one, preference: 'stay' })
        if (!isWellPlaced(question)) return
        expect(select(question).node).toBe(question.current)
        expect([...question.together.keys()].filter((node) => node !== question.current)).toEqual(
          [],
        )
      }),
    )
  })
})
