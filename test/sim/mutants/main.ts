// npm run teeth: every mutant against its directed schedule and against seeds, as a table.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { mutantNamed, mutants } from './all.ts'
import { huntAll } from './table.ts'

const usage = `Usage: npm run teeth -- [options] [MUTANT…]

  --seeds N       so many at most for each mutant (default: 200; 0: schedules only)
  --from N        the first of them (default: 1)
  --hours H       of faults in each (default: 0.15)
  --nodes N       (default: 3)     --services N   (default: 6)
  --jobs N        mutants at a time (default: one for each processor)
  --list          names and guarantees
  --json          one object for each mutant`

const { values, positionals } = parseArgs({
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
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(usage)
else if (values.list)
  for (const { name, guarantee } of mutants) console.log(`${name.padEnd(28)} ${guarantee}`)
else {
  const chosen = positionals.length > 0 ? positionals.map(mutantNamed) : mutants
  const isWhole = await huntAll(chosen, {
    ...{ seeds: Number(values.seeds), from: Number(values.from), hours: Number(values.hours) },
    ...{ nodes: Number(values.nodes), services: Number(values.services) },
    ...{ jobs: Number(values.jobs ?? availableParallelism()), json: values.json },
  })
  process.exitCode = isWhole ? 0 : 1
}
