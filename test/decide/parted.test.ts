// Services that are to be kept together and are not: they come together where they can, and say why where they cannot.
import { describe, expect, it } from 'vitest'
import { foreseeAtOnce } from '../../control-plane/crm/what-if/foresee.ts'
import { nothing } from '../../control-plane/crm/what-if/suppose.ts'
import { apart, aRule, together } from './build-rules.ts'
import { aService, buildView } from './build-view.ts'

const [a, b, c, d] = ['process:a', 'process:b', 'process:c', 'process:d'] as const
const stays = { config: { failback: false } }

/** Where they are in the end, and what they say. */
function inTheEnd(changes: Parameters<typeof buildView>[0]) {
  const { after, settled } = foreseeAtOnce(buildView(changes), nothing)
  expect(settled).toBe(true)
  const of = (sid: string) => after.services[sid]!.status!
  return { nodeOf: (sid: string) => of(sid).node, noteOf: (sid: string) => of(sid).note }
}

describe('services that are kept together', () => {
  it('are not parted for ever where most of them do not fail back and one is on a better node', () => {
    const end = inTheEnd({
      services: [aService(a, 'n3', stays), aService(b, 'n3', stays), aService(c, 'n1')],
      rules: [together('t', [a, b, c]), aRule('near', [a], ['n1'])],
    })
    expect([a, b, c].map(end.nodeOf)).toEqual(['n1', 'n1', 'n1'])
    expect([a, b, c].map(end.noteOf)).toEqual(['', '', ''])
  })

  it('stay where all of them are, where none fails back', () => {
    const end = inTheEnd({
      services: [a, b].map((sid) => aService(sid, 'n3', stays)),
      rules: [together('t', [a, b]), aRule('near', [a], ['n1'])],
    })
    expect([a, b].map(end.nodeOf)).toEqual(['n3', 'n3'])
  })

  it('say why they are parted, as long as they are', () => {
    const end = inTheEnd({
      services: [aService(a, 'n2', stays), aService(b, 'n1', stays), aService(c, 'n2')],
      rules: [
        together('t', [a, b]),
        aRule('near', [a], ['n2']),
        apart('x', [b, c]),
        aRule('home', [c], ['n2']),
      ],
    })
    expect([a, b].map(end.nodeOf)).toEqual(['n2', 'n1'])
    expect(end.noteOf(b)).toBe(
      'rule t keeps it with services that it cannot be with: n2: rule x: apart from process:c',
    )
  })

  it('say nothing of partners whose node is lost', () => {
    const { after } = foreseeAtOnce(
      buildView({
        services: [aService(a, 'n1'), aService(b, 'n1'), aService(d, 'n2')],
        rules: [together('t', [a, b]), apart('x', [a, d])],
      }),
      { ...nothing, down: ['n1'] },
    )
    expect([a, b].map((sid) => after.services[sid]!.status!.node)).toEqual(['n3', 'n3'])
    expect([a, b, d].map((sid) => after.services[sid]!.status!.note)).toEqual(['', '', ''])
  })
})
