// How the proof of a fence device reads: the machine, how it was found, and both readings.
import { expect, test } from 'vitest'
import { formatWhy } from '../../control-plane/cli/commands/story.ts'

test('evidence of a fence device names the machine, how it was found and when it was read off', () => {
  const reading = (second: number) => ({
    ...{ state: 'off', at: `2030-01-01T00:00:0${second}.000Z`, uuid: 'u-1', serial: 'SN-1' },
  })
  const text = formatWhy({
    ...{ subject: 'n3', now: 'n3 is unknown', waitsFor: '', story: [] },
    evidence: [
      {
        ...{ kind: 'device-off', node: 'n3', epoch: 4, generation: null },
        decidedAt: '2030-01-01T00:00:09.000Z',
        facts: {
          attempt: 2,
          devices: [{ device: 'bmc', before: 'on', readings: [reading(5), reading(7)] }],
        },
      },
    ],
  })
  expect(text).toMatch(
    /device-off for lease epoch 4 on n3: attempt 2, bmc \(uuid u-1, serial SN-1\) found it on, then off at .*00:05\.000 and off at .*00:07\.000/,
  )
})
