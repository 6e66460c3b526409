// The digest of the managed services: whoever makes it, from a view or from the rows that are told, comes to the same one.
import { expect, test } from 'vitest'
import {
  digestOfParts,
  managedDigest,
  managedPart,
  mostManaged,
  specDigest,
} from '../../control-plane/store/view/managed-digest.ts'
import { aService, buildView } from '../decide/build-view.ts'

const ofRows = (rows: readonly { sid: string; spec: unknown }[]) =>
  digestOfParts(rows.map(({ sid, spec }) => managedPart(sid, specDigest(spec))))

test('of a view it is the one of the rows', () => {
  const services = ['systemd:b', 'ct:1', 'systemd:a'].map((sid) =>
    aService(sid, 'n1', { config: { spec: { unit: sid } } }),
  )
  const rows = ['ct:1', 'systemd:a', 'systemd:b'].map((sid) => ({ sid, spec: { unit: sid } }))
  expect(managedDigest(buildView({ services }))).toBe(ofRows(rows))
})

test('it is the same in every version: replicas of two of them would rewrite each other’s orders', () => {
  expect(ofRows([])).toBe('')
  const rows = [
    { sid: 'systemd:db', spec: {} },
    { sid: 'ct:100', spec: { container: 'a' } },
  ]
  expect(ofRows(rows)).toBe('b699ace87b5d2374521c8816da825b424189171d')
})

test('of more services than nodes are told it is the one of those that they are', () => {
  const rows = Array.from({ length: mostManaged + 1 }, (_, at) => ({
    sid: `systemd:${String(at).padStart(6, '0')}`,
    spec: {},
  }))
  expect(ofRows(rows)).toBe(ofRows(rows.slice(0, mostManaged)))
})
