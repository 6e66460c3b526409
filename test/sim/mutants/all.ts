// Every mutant, by name.
import { agentMutants } from './agent-mutants.ts'
import { evidenceMutants } from './evidence-mutants.ts'
import { fenceMutants } from './fence-mutants.ts'
import { halfMutants } from './half-mutants.ts'
import { hiddenMutants } from './hidden-mutants.ts'
import { leaseMutants } from './lease-mutants.ts'
import type { Mutant } from './mutant.ts'
import { quarantineMutants } from './quarantine-mutants.ts'
import { wordMutants } from './word-mutants.ts'

export const mutants: readonly Mutant[] = [
  ...agentMutants,
  ...leaseMutants,
  ...evidenceMutants,
  ...fenceMutants,
  ...hiddenMutants,
  ...quarantineMutants,
  ...wordMutants,
  ...halfMutants,
]

export function mutantNamed(name: string): Mutant {
  const mutant = mutants.find((one) => one.name === name)
  if (!mutant) throw new Error(whyNoMutant(name))
  return mutant
}

export function whyNoMutant(name: string): string {
  return `no mutant ${name}: there are ${mutants.map((one) => one.name).join(', ')}`
}
