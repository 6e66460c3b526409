// What a node has told of its machine, in the words in which people are told of it. Pure.
import { stallShare } from '../../shared/node-health.ts'
import type { NodeView } from './view.ts'

/** A feed that comes late by a good part of W is one pause away from a reset. */
export function nodeWarnings({ watchdog, health }: NodeView): string[] {
  const worstMs = health?.stalls?.worstMs ?? 0
  const mostMs = watchdog.effectiveMs * stallShare
  if (watchdog.class === 'none' || worstMs <= mostMs) return []
  return [
    `its agent stood still for ${seconds(worstMs)} within about an hour, and its watchdog fires after ${seconds(watchdog.effectiveMs)}: look at its load, or give it a longer watchdog`,
  ]
}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`

/** How its last life ended, and what its last drill found. */
export function healthSentences({ health }: NodeView): string[] {
  const { lastEnd, drill } = health ?? {}
  return [
    ...(lastEnd ? [`its last life: ${lastEnd.why}`] : []),
    ...(drill ? [`its last drill (${dayOf(drill.atMs)}): ${drill.outcome}, ${drill.detail}`] : []),
  ]
}

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)
