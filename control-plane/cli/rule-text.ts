// Rules as people read them: tables, and below them what is in conflict and why.
import type { RuleBody } from '../../shared/operator-api.ts'
import { formatNodes } from './commands/group.ts'
import { type Column, formatTable } from './table.ts'

const yesNo = (value: boolean | undefined) => (value === undefined ? '' : value ? 'yes' : 'no')

const state: Column<RuleBody> = {
  title: 'STATE',
  value: ({ disabled, inUse }) =>
    disabled ? 'disabled' : inUse ? 'in use' : 'ignored because of conflicts',
  colour: ({ disabled, inUse }) => (disabled ? 'dim' : inUse ? null : 'red'),
}
const rule: Column<RuleBody> = { title: 'RULE', value: ({ id }) => id }
const type: Column<RuleBody> = { title: 'TYPE', value: (one) => one.type }
const resources: Column<RuleBody> = { title: 'RESOURCES', value: (one) => one.resources.join(',') }
const comment: Column<RuleBody> = {
  title: 'COMMENT',
  value: (one) => one.comment,
  optional: true,
}

/** Every field, in the order of the rules. */
export function formatRules(rules: RuleBody[]): string {
  return withConflicts(rules, [
    { title: 'ORDER', value: ({ order }) => String(order), align: 'right' },
    rule,
    type,
    state,
    resources,
    { title: 'NODES', value: ({ nodes }) => (nodes ? formatNodes(nodes) : ''), optional: true },
    { title: 'STRICT', value: ({ strict }) => yesNo(strict), optional: true },
    { title: 'AFFINITY', value: ({ affinity }) => affinity ?? '', optional: true },
    { title: 'VERSION', value: ({ version }) => String(version), align: 'right' },
    comment,
  ])
}

/** The columns of the reference. */
export function formatRuleConfig(rules: RuleBody[]): string {
  const enabled: Column<RuleBody> = {
    title: 'ENABLED',
    value: ({ disabled }) => (disabled ? '0' : '1'),
    align: 'right',
  }
  return withConflicts(rules, [enabled, state, rule, type, resources, comment])
}

function withConflicts(rules: RuleBody[], columns: Column<RuleBody>[]): string {
  const conflicts = rules.flatMap(({ id, conflicts: all }) =>
    all.map(({ message }) => `${id}: ${message}`),
  )
  return [formatTable(rules, columns), ...(conflicts.length > 0 ? ['', ...conflicts] : [])].join(
    '\n',
  )
}
