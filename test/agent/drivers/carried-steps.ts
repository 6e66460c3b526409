// How far a move of a carried resource has come when a test begins: a half that is open, and one that was sent off.
import { expect } from 'vitest'
import type { Driver } from '../../../agent/drivers/driver.ts'
import type { CarriedPair } from './carried-pair.ts'

type Both = { source: Driver; target: Driver }

export const at = (generation: number, state: string) => [{ sid: 'ocf:a', generation, state }]
export const moved = { outcome: 'ok', detail: '', left: 'nothing' }

/** Both nodes, the resource on the first, its half open on the second. */
export async function begun({ newDriver, running, receive }: CarriedPair): Promise<Both> {
  const [source, target] = [newDriver('n1'), newDriver('n2')]
  await running(source)
  expect(await receive(target)).toMatchObject({ outcome: 'ok', takesUp: true })
  return { source, target }
}

/** It was sent off, and nobody has taken it up. */
export async function sent(pair: CarriedPair): Promise<Both> {
  const both = await begun(pair)
  expect(await pair.migrate(both.source)).toEqual({ outcome: 'ok', detail: '', left: 'sent' })
  return both
}
