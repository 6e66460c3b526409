// ha-manager what-if: what the CRM would do if nodes were lost, emptied or back, or services changed. Changes nothing.
import type { Command } from 'commander'
import type { WhatIf, WhatIfBody } from '../../../shared/what-if.ts'
import { usage } from '../failure.ts'
import { withPlane } from '../session.ts'

/** `true`: the nodes named without an option. */
type Nodes = string[] | true | undefined
type Flags = {
  down?: Nodes
  maintenance?: Nodes
  back?: Nodes
  start?: string[]
  stop?: string[]
  forget?: string[]
  confirmed?: boolean
  story?: boolean
}

/** Playing a large cluster forward takes a while, and others may be ahead. */
const patienceMs = 60_000

const examples = `
Examples:
  ha-manager what-if n2                       n2 loses its power: the same as --down n2
  ha-manager what-if n2 n3 --maintenance      both are emptied
  ha-manager what-if --maintenance n1 --down n2   n1 is emptied, then n2 is lost
  ha-manager what-if --start process:new --stop process:old`

/** Adds what-if. */
export function addWhatIf(program: Command): void {
  program
    .command('what-if')
    .description('where every service would go, what would fit nowhere and why; changes nothing')
    .argument('[node...]', 'nodes, for the option that names none (usual: --down)')
    .option('--down [node...]', 'they lose their power, after everything else has come to rest')
    .option('--maintenance [node...]', 'they are put into maintenance')
    .option('--back [node...]', 'they are in service again')
    .option('--start <sid...>', 'services that are to run, also ones that are not added yet')
    .option('--stop <sid...>', 'services that are to be stopped')
    .option('--forget <sid...>', 'services that are removed')
    .option('--confirmed', 'a person confirms the death of nodes that nothing else proves dead')
    .option('--story', 'every change, in its order')
    .addHelpText('after', examples)
    .action(
      withPlane<Flags>(async (session, named, flags) => {
        const supposed = hypothesisOf(named, flags)
        const answer = await session.plane.post<WhatIfBody>(await session.path('/what-if'), {
          body: supposed,
          timeoutMs: patienceMs,
        })
        const text = await import('../what-if-text.ts')
        session.print(answer, () => text.formatWhatIf(supposed, answer, flags.story ?? false))
      }),
    )
}

const fields = ['down', 'maintenance', 'back'] as const
type Field = (typeof fields)[number]

function hypothesisOf(named: string[], flags: Flags): WhatIf {
  const field = named.length > 0 ? fieldOfNamed(named, flags) : null
  const nodes = (of: Field) => {
    const given = Array.isArray(flags[of]) ? flags[of] : []
    const all = field === of ? [...named, ...given] : given
    if (flags[of] === true && all.length === 0) throw usage(`--${of} must name a node`)
    return [...new Set(all)]
  }
  const services = [
    ...(flags.start ?? []).map((sid) => ({ sid, requested: 'started' as const })),
    ...(flags.stop ?? []).map((sid) => ({ sid, requested: 'stopped' as const })),
    ...(flags.forget ?? []).map((sid) => ({ sid, removed: true })),
  ]
  const supposed = { down: nodes('down'), maintenance: nodes('maintenance'), back: nodes('back') }
  return { ...supposed, services, confirmed: flags.confirmed ?? false }
}

/** Which option the nodes in front of all options are for: the one that names none, else the only one there is. */
function fieldOfNamed(named: string[], flags: Flags): Field {
  const given = fields.filter((field) => flags[field] !== undefined)
  const bare = given.filter((field) => flags[field] === true)
  if (given.length === 0) return 'down'
  if (bare.length === 1) return bare[0]!
  if (bare.length === 0 && given.length === 1) return given[0]!
  throw usage(`which of --${given.join(' and --')} is ${named.join(' ')} for?`, {
    advice: 'Put the nodes behind their options, as in --maintenance n1 --down n2.',
  })
}
