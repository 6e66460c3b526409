// A replica far from its database reads its clock slowly: it judges later, but it decides all the same.
import { expect, test } from 'vitest'
import { decide } from '../../control-plane/crm/decide/decide.ts'
import { ClockWitness } from '../../control-plane/lease/clock-witness.ts'
import { aNode, aService, buildView, nowMs, silentNode } from './build-view.ts'

test('a witness that only ever read slowly gives no job a time that is no date', () => {
  const witness = new ClockWitness()
  for (let second = 0; second < 100; second += 1)
    witness.observe({ databaseMs: second * 1_000, bootMs: second * 1_000 + 60 }, 120)
  const n1 = silentNode('n1', {}, 20_000)
  n1.lease.judgedUntilMs = witness.judgedUntilMs(n1.lease.leaseUntilMs, nowMs - 20_000, 61_706)
  const view = buildView({ nodes: [n1, aNode('n2')], services: [aService('process:web', 'n1')] })
  const [job] = decide(view).jobs
  expect(() => new Date(Math.ceil(job?.startAfterMs as number)).toISOString()).not.toThrow()
})
