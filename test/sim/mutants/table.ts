// Mutants hunted, one line each: what caught them, by which check, and what that took.
import { type Caught, huntBySchedule, huntBySeeds, type SeedOptions } from './hunt.ts'
import type { Mutant } from './mutant.ts'

export type Row = {
  mutant: string
  schedule: Caught | null
  seeds: Caught | null
  /** What its schedule says although the rule is kept; null: nothing, as it must. */
  control: string | null
}

export type TableOptions = SeedOptions & { jobs: number; json: boolean }

/** Prints the table; false where a mutant survives, or a schedule breaks although its rule is kept. */
export async function huntAll(chosen: readonly Mutant[], options: TableOptions): Promise<boolean> {
  const rows: Row[] = []
  const left = [...chosen]
  const work = async () => {
    for (let mutant = left.shift(); mutant; mutant = left.shift()) {
      const row = await huntOne(mutant, options)
      rows.push(row)
      console.log(options.json ? JSON.stringify(row) : line(row))
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.jobs, chosen.length) }, work))
  const caught = rows.filter((row) => !isBad(row)).length
  if (!options.json) console.log(`\n${rows.length} mutants, ${caught} caught`)
  return caught === rows.length
}

async function huntOne(mutant: Mutant, options: SeedOptions): Promise<Row> {
  const row: Row = { mutant: mutant.name, schedule: null, seeds: null, control: null }
  if (mutant.schedule) {
    row.control = (await huntBySchedule(mutant, 'behind')).check || null
    row.schedule = await huntBySchedule(mutant)
  }
  // Without its second rules a world is none that seeds are drawn for: they are for mutants that need only their own edits.
  if (!mutant.behind && options.seeds > 0) row.seeds = await huntBySeeds(mutant, options)
  return row
}

/** With a schedule, that one must catch it; without, the seeds. */
function isBad({ schedule, seeds, control }: Row): boolean {
  return control !== null || (schedule ?? seeds)?.by == null
}

function line(row: Row): string {
  const told = [row.schedule, row.seeds].flatMap((caught) => (caught ? [tell(caught)] : []))
  const broken = row.control ? [`BROKEN although the rule is kept: ${row.control}`] : []
  const head = `${isBad(row) ? 'SURVIVES' : 'caught  '} ${row.mutant}`
  return [head, ...broken, ...told].join('\n    ')
}

function tell({ by, check, events, seconds }: Caught): string {
  const cost = `${events} events, ${seconds.toFixed(1)} s`
  return by === null ? `not by seeds (${cost})` : `${by}: ${check.split('\n')[0]} (${cost})`
}
