// Rules: where services prefer or have to run, and which keep together or apart. In the spelling of the reference.
import { type Command, Option } from 'commander'
import type { RuleBody } from '../../../shared/operator-api.ts'
import { usage } from '../failure.ts'
import { parseWholeNumber } from '../option-value.ts'
import { type DryRun, explain } from '../outcome-text.ts'
import { segment, type Session, withPlane } from '../session.ts'
import { forgettable, type RuleFlags, ruleOptions, ruleWishes, wholeRule } from './rule-options.ts'

type Filter = { type?: string; resource?: string }
type SetFlags = RuleFlags & { delete?: string; digest?: string }

/** Adds rules and everything about them. */
export function addRules(program: Command): void {
  const rules = program.command('rules').description('the rules about where services run')
  addViews(rules)
  const type = () => rules.createArgument('<type>').choices(['node-affinity', 'resource-affinity'])
  const add = rules.command('add').description('add a rule').addArgument(type()).argument('<rule>')
  // The name of a new rule is not to be completed from those there are.
  ruleOptions(add).action(
    withPlane<RuleFlags>((session, [kind = '', id = ''], flags) =>
      create(session, kind, id, flags),
    ),
  )
  const set = rules.command('set').description('change a rule').addArgument(type())
  ruleOptions(set.argument('<rule>'))
    .option('--delete <keys>', `back to the default: ${forgettable.join(', ')}`)
    .option('--digest <version>', 'refuse if the rule is not this version any more')
    .action(
      withPlane<SetFlags>((session, [kind = '', id = ''], flags) =>
        change(session, kind, id, flags),
      ),
    )
  const one = (name: string, description: string) =>
    rules.command(name).description(description).argument('<rule>')
  one('remove', 'remove a rule').action(
    withPlane((session, [id = '']) =>
      ask(session, 'delete', `/rules/${segment(id)}`, `rule ${id} removed`),
    ),
  )
  one('enable', 'let a rule count').action(
    withPlane((session, [id = '']) =>
      ask(session, 'post', `/rules/${segment(id)}/enable`, `rule ${id} enabled`),
    ),
  )
  one('disable', 'keep a rule, and let it count for nothing').action(
    withPlane((session, [id = '']) =>
      ask(session, 'post', `/rules/${segment(id)}/disable`, `rule ${id} disabled`),
    ),
  )
  const member = (id: string, sid: string) => `/rules/${segment(id)}/resources/${segment(sid)}`
  one('add-resource', 'put a service into a rule')
    .argument('<sid>')
    .action(
      withPlane((session, [id = '', sid = '']) =>
        ask(session, 'put', member(id, sid), `${sid} is in rule ${id}`),
      ),
    )
  one('remove-resource', 'take a service out of a rule')
    .argument('<sid>')
    .action(
      withPlane((session, [id = '', sid = '']) =>
        ask(session, 'delete', member(id, sid), `${sid} is out of rule ${id}`),
      ),
    )
}

function addViews(rules: Command): void {
  const view = (name: string, description: string, format: Format) =>
    rules
      .command(name)
      .description(description)
      .addOption(
        new Option('--type <type>', 'only rules of this type').choices([
          'node-affinity',
          'resource-affinity',
        ]),
      )
      .option('--resource <sid>', 'only rules that name this service')
      .action(
        withPlane<Filter>(async (session, _, { type, resource }) => {
          const shown = await session.plane.get<RuleBody[]>(await session.path('/rules'), {
            query: { type, resource },
          })
          const text = await format(shown)
          session.print(shown, () => text)
        }),
      )
  view('list', 'all about the rules', async (shown) =>
    (await import('../rule-text.ts')).formatRules(shown),
  )
  view('config', 'the rules and whether they are in use', async (shown) =>
    (await import('../rule-text.ts')).formatRuleConfig(shown),
  )
}
type Format = (rules: RuleBody[]) => Promise<string>

async function create(session: Session, type: string, id: string, flags: RuleFlags): Promise<void> {
  const answer = await session.plane.post(await session.path('/rules'), {
    body: { id, type, ...wholeRule(type, ruleWishes(flags)) },
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => told(session, answer, `rule ${id} added`))
}

async function change(session: Session, type: string, id: string, flags: SetFlags): Promise<void> {
  const path = await session.path(`/rules/${segment(id)}`)
  const current = await session.plane.get<RuleBody>(path)
  if (current.type !== type)
    throw usage(`rule ${id} is a ${current.type} rule and stays one`, {
      advice: `ha-manager rules set ${current.type} ${id} …`,
    })
  const body = ruleWishes(flags, flags.delete)
  if (Object.keys(body).length === 0)
    throw usage('nothing to change was given', {
      advice: 'ha-manager rules set --help lists the options.',
    })
  const answer = await session.plane.patch(path, {
    body,
    ifMatch:
      flags.digest === undefined ? current.version : parseWholeNumber(flags.digest, '--digest'),
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => told(session, answer, `rule ${id} changed`))
}

async function ask(
  session: Session,
  method: 'put' | 'post' | 'delete',
  inside: string,
  sentence: string,
): Promise<void> {
  const answer = await session.plane[method](await session.path(inside), {
    query: { dryRun: session.dryRun || undefined },
  })
  session.print(answer, () => told(session, answer, sentence))
}

/** What was done, or would be. What conflicts already may be changed in steps: as long as it does, that is said. */
function told(session: Session, answer: unknown, sentence: string): string {
  const rule = session.dryRun ? (answer as DryRun).would.body : answer
  const { disabled = false, conflicts = [] } = (rule ?? {}) as Partial<RuleBody>
  const ignored = disabled ? [] : conflicts.map(({ message }) => `it is ignored: ${message}`)
  return [explain(session, answer, sentence), ...ignored].join('\n')
}
