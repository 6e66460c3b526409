// npm run teeth: every mutant against its directed schedule and against seeds, as a table.
import { availableParallelism } from 'node:os'
import { commandLine, numberAbove, refuseWords } from '../../command-line.ts'
import { mutantNamed, mutants, whyNoMutant } from './all.ts'
import { huntAll } from './table.ts'

const usage = `Usage: npm run teeth -- [options] [MUTANT…]

  --seeds N       so many at most for each mutant (default: 200; 0: schedules only)
  --from N        the first of them (default: 1)
  --hours H       of faults in each (default: 0.15)
  --nodes N       (default: 3)     --services N   (default: 6)
  --jobs N        mutants at a time (default: one for each processor)
  --list          names and guarantees
  --json          one object for each mutant`

const { values, positionals } = commandLine(usage, {
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    hours: { type: 'string', default: '0.15' },
    nodes: { type: 'string', default: '3' },
    services: { type: 'string', default: '6' },
    jobs: { type: 'string' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

if (values.list)
  for (const { name, guarantee } of mutants) console.log(`${name.padEnd(28)} ${guarantee}`)
else {
  const unknown = positionals.find((name) => !mutants.some((one) => one.name === name))
  if (unknown !== undefined) refuseWords(usage, whyNoMutant(unknown))
  const chosen = positionals.length > 0 ? positionals.map(mutantNamed) : mutants
  const number = (name: 'from' | 'hours' | 'nodes' | 'services') =>
    numberAbove(usage, 0, name, values[name])
  const isWhole = await huntAll(chosen, {
    ...{ seeds: numberAbove(usage, -1, 'seeds', values.seeds), from: number('from') },
    ...{ hours: number('hours'), nodes: number('nodes'), services: number('services') },
    jobs: numberAbove(usage, 0, 'jobs', values.jobs ?? `${availableParallelism()}`),
    json: values.json,
  })
  process.exitCode = isWhole ? 0 : 1
}
