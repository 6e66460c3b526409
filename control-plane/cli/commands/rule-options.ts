// What can be said about a rule on the command line, and what the plane is asked for it.
import type { Command } from 'commander'
import { usage } from '../failure.ts'
import { parseYesNo } from '../option-value.ts'
import { parseNodes } from './group.ts'

export type RuleFlags = {
  resources?: string
  nodes?: string
  strict?: string | true
  affinity?: string
  disable?: string | true
  comment?: string
}
type Body = Record<string, unknown>

/** The options of rules add and rules set. */
export function ruleOptions(command: Command): Command {
  return command
    .option('--resources <sids>', 'the services, with commas between')
    .option('--nodes <nodes>', 'with priorities: n1:2,n2:1,n3 (higher is preferred)')
    .option('--strict [yes|no]', 'its services run nowhere else')
    .addOption(
      command
        .createOption('--affinity <affinity>', 'keep its services together or apart')
        .choices(['positive', 'negative']),
    )
    .option('--disable [yes|no]', 'keep the rule, and let it count for nothing')
    .option('--comment <text>')
}

const defaults: Record<string, [key: string, value: unknown]> = {
  comment: ['comment', ''],
  disable: ['disabled', false],
  strict: ['strict', false],
}

/** The keys of `rules set --delete`. */
export const forgettable = Object.keys(defaults)

/** What was given, in the words of the plane; `forget`: keys that go back to their defaults. */
export function ruleWishes(flags: RuleFlags, forget = ''): Body {
  const { resources, nodes, affinity, comment } = flags
  const body: Body = {
    ...(resources === undefined ? {} : { resources: parseSids(resources) }),
    ...(nodes === undefined ? {} : { nodes: parseNodes(nodes) }),
    ...(flags.strict === undefined ? {} : { strict: yesNo(flags.strict, '--strict') }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(flags.disable === undefined ? {} : { disabled: yesNo(flags.disable, '--disable') }),
    ...(comment === undefined ? {} : { comment }),
  }
  for (const key of forget.split(',').map((one) => one.trim())) {
    if (key === '') continue
    const known = defaults[key]
    if (!known)
      throw usage(`--delete does not know ${JSON.stringify(key)}`, {
        advice: `It knows ${forgettable.join(', ')}.`,
      })
    if (known[0] in body) throw usage(`${key} cannot be set and deleted at once`)
    body[known[0]] = known[1]
  }
  return body
}

/** Throws for what a new rule must have, before anybody is asked. */
export function wholeRule(type: string, body: Body): Body {
  const needed = type === 'node-affinity' ? ['resources', 'nodes'] : ['resources', 'affinity']
  const missing = needed.filter((key) => !(key in body)).map((key) => `--${key}`)
  if (missing.length === 0) return body
  throw usage(`a ${type} rule needs ${missing.join(' and ')}`, {
    advice:
      type === 'node-affinity'
        ? 'ha-manager rules add node-affinity NAME --resources process:a --nodes n1:2,n2'
        : 'ha-manager rules add resource-affinity NAME --resources process:a,process:b --affinity negative',
  })
}

function yesNo(value: string | true, what: string): boolean {
  return value === true || parseYesNo(value, what)
}

function parseSids(text: string): string[] {
  const sids = text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
  const twice = sids.find((sid, at) => sids.indexOf(sid) !== at)
  if (twice !== undefined) throw usage(`--resources names ${twice} twice`)
  if (sids.length === 0)
    throw usage('--resources names no service', { advice: 'Give them like vm:100,vm:101.' })
  return sids
}
