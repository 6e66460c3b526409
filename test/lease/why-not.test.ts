// What a refused renewal is told, and what the plane learns from it.
import { expect, test } from 'vitest'
import { judge, type Standing } from '../../control-plane/lease/why-not.ts'
import { judgePlaneEpoch } from '../../shared/lease.ts'
import type { LeaseRequest } from '../../shared/protocol.ts'

const standing: Standing = {
  nodeUid: 'n',
  epoch: 3,
  bootId: 'b',
  seq: 4,
  lastRevoked: 2,
  planeNumber: 2,
  planeUuid: '00000000-0000-4000-8000-00000000000b',
  numberFloor: 1,
  sameServer: true,
}

const asked = (more: Partial<LeaseRequest>) =>
  judge(
    {
      planeEpoch: { number: 2, uuid: standing.planeUuid },
      ...{ epoch: 3, bootId: 'b', seq: 5 },
      ...more,
    } as LeaseRequest,
    standing,
  )

test('an equal plane epoch with another uuid is a cut history: the agent refuses it, and the CRM is told (rule 8)', () => {
  const known = { number: 2, uuid: '00000000-0000-4000-8000-00000000000a' }
  expect(judgePlaneEpoch(known, { number: 2, uuid: standing.planeUuid })).toBe('stale')
  expect(asked({ planeEpoch: known })).toMatchObject({ code: 'regressed', wakesCrm: true })
  expect(asked({ planeEpoch: known }).claim).toBeTypeOf('string')
})

test('only an epoch that the database has left behind is fenced; one it never gave is a regress (M11)', () => {
  expect(asked({ epoch: 2 }).code).toBe('fenced')
  expect(asked({ epoch: 4 })).toMatchObject({ code: 'regressed', wakesCrm: true })
})

test('an epoch of a history that was cut and dealt with is claimed no second time', () => {
  const later = { ...standing, planeNumber: 3, numberFloor: 3_000_000 }
  const planeEpoch = { number: 3, uuid: standing.planeUuid }
  const answer = judge({ planeEpoch, epoch: 9, bootId: 'b', seq: 5 } as LeaseRequest, later)
  expect(answer.code).toBe('regressed')
  expect(answer.claim).toBeUndefined()
})

test('an epoch whose opening was lost with a history is no fenced one, however far its number has jumped since: what runs, runs on (rule 9)', () => {
  const told = (epoch: number, lastRevoked: number) => {
    const later = { ...standing, planeNumber: 3, numberFloor: 3_000_000, epoch: 3_000_000 }
    const planeEpoch = { number: 3, uuid: standing.planeUuid }
    const request = { planeEpoch, epoch, bootId: 'b', seq: 5 } as LeaseRequest
    return judge(request, { ...later, bootId: null, lastRevoked }).code
  }
  expect(told(9, 8)).toBe('regressed')
  expect(told(8, 8)).toBe('fenced')
  expect(told(9, 9)).toBe('fenced')
})
