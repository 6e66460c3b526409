// A set of rules: which are dropped and why, which count, and the lookups made of them.
import { z } from 'zod'
import { compile, type CompiledRules } from '../../../control-plane/cluster/rules/compile.ts'
import { compareDropped } from '../dropped-rules.ts'
import { compare, type Kind } from '../judge.ts'
import { RecordedRule, toRecorded, toRule } from '../recorded-rule.ts'

const Item = z.object({
  name: z.string(),
  nodes: z.array(z.string()),
  rules: z.array(RecordedRule),
  expected: z.object({
    dropped: z.record(z.string(), z.array(z.looseObject({ code: z.string() }))),
    kept: z.array(RecordedRule),
    compiled: z.object({
      node_affinity: z.record(z.string(), z.record(z.string(), z.number())),
      together: z.record(z.string(), z.array(z.string())),
      apart: z.record(z.string(), z.array(z.string())),
    }),
  }),
})

export const rules: Kind = {
  name: 'rules',
  recognises: (item) => 'rules' in item && 'expected' in item,
  judge(item) {
    const { name, nodes, rules: recorded, expected } = Item.parse(item)
    const written = recorded.map(toRule)
    const compiled = compile(written, nodes)
    const kept = [...compiled.kept, ...written.filter((rule) => rule.disabled)].map(toRecorded)
    kept.sort((a, b) => (a.id < b.id ? -1 : 1))
    const difference =
      compareDropped(expected.dropped, dropped(compiled)) ??
      compare('kept', expected.kept, kept) ??
      compare('compiled', expected.compiled, lookups(compiled))
    return [{ case: name, difference }]
  },
}

/** Equal reasons are recorded once, with how often. */
function dropped({ infeasible }: CompiledRules) {
  return Object.fromEntries(
    [...infeasible].map(([id, reasons]) => {
      const times = new Map<string, number>()
      for (const { rules: _others, about: _about, ...reason } of reasons) {
        const key = JSON.stringify(reason)
        times.set(key, (times.get(key) ?? 0) + 1)
      }
      return [
        id,
        [...times].map(([key, count]) => ({
          ...(JSON.parse(key) as { code: string }),
          ...(count > 1 && { times: count }),
        })),
      ]
    }),
  )
}

function lookups({ nodeAffinity, together, apart }: CompiledRules) {
  return {
    node_affinity: Object.fromEntries(
      [...nodeAffinity].map(([sid, { priorities }]) => [sid, Object.fromEntries(priorities)]),
    ),
    together: Object.fromEntries(
      [...together].map(([sid, { sids }]) => [sid, sids.filter((one) => one !== sid)]),
    ),
    apart: Object.fromEntries(
      [...apart].map(([sid, partners]) => [sid, partners.map((partner) => partner.sid)]),
    ),
  }
}
