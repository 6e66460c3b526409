// What may be supposed: only nodes and groups that there are, and nothing that contradicts itself. Pure.
import type { WhatIf } from '../../shared/what-if.ts'
import type { ClusterView } from '../cluster/view.ts'
import { type FieldError, type Refusal, refuse } from './refusal.ts'

/** Refuses a hypothesis about what is not there; names each field at fault. */
export function refuseHypothesis(view: ClusterView, supposed: WhatIf): Refusal | null {
  const errors: FieldError[] = []
  for (const field of ['down', 'maintenance', 'back'] as const)
    supposed[field].forEach((name, at) => {
      if (!Object.hasOwn(view.nodes, name))
        errors.push({ field: `${field}.${at}`, message: `no node ${name} in this cluster` })
    })
  for (const name of supposed.back)
    if (supposed.maintenance.includes(name))
      errors.push({ field: 'back', message: `${name} cannot go into maintenance and leave it` })
  supposed.services.forEach(({ sid, group, removed }, at) => {
    if (group && !Object.hasOwn(view.groups, group))
      errors.push({ field: `services.${at}.group`, message: `no group ${group}` })
    if (removed && !Object.hasOwn(view.services, sid))
      errors.push({ field: `services.${at}.sid`, message: `no service ${sid} to remove` })
  })
  if (errors.length === 0) return null
  const sentence = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return refuse('invalid', sentence, errors)
}
