// Which machine a device speaks of: the same one in either order of bytes, and never one that is not named.
import { expect, test } from 'vitest'
import { isSameMachine, isSameUuid } from '../../shared/machine-identity.ts'

const uuid = '4c4c4544-0034-4a10-8052-b4c04f333232'

test.each([
  ['itself', uuid, true],
  ['itself in capitals', uuid.toUpperCase(), true],
  ['itself without dashes', uuid.replaceAll('-', ''), true],
  ['itself as old firmware writes it', '44454c4c-3400-104a-8052-b4c04f333232', true],
  ['another', '4c4c4544-0034-4a10-8052-b4c04f333233', false],
  ['nothing', null, false],
  ['no uuid', 'to be filled by O.E.M.', false],
])('a uuid is compared with %s', (_, other, isSame) => {
  expect(isSameUuid(uuid, other)).toBe(isSame)
})

test('a uuid that firmware leaves empty is nobody’s', () => {
  for (const digit of ['0', 'f']) {
    const empty = digit.repeat(32)
    expect(isSameUuid(empty, empty)).toBe(false)
  }
})

test('a machine is the one that is expected in everything that is expected of it', () => {
  const found = { uuid, serial: 'SN-1' }
  expect(isSameMachine({ uuid, serial: null }, found)).toBe(true)
  expect(isSameMachine({ uuid: null, serial: 'sn-1' }, found)).toBe(true)
  expect(isSameMachine({ uuid, serial: 'SN-2' }, found)).toBe(false)
  expect(isSameMachine({ uuid, serial: 'SN-1' }, { uuid, serial: null })).toBe(false)
  expect(isSameMachine({ uuid: null, serial: null }, { uuid: null, serial: null })).toBe(false)
  expect(isSameMachine({ uuid, serial: null }, null)).toBe(false)
})
