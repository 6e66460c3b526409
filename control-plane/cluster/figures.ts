// What a service asks for and what it uses, in units that add up without rounding: millionths of a CPU, and bytes.
// Whole numbers, so that a load is the same in whatever order it was added up, and equal nodes tie exactly.
import { type ServiceType, serviceType } from '../../shared/names.ts'
import type { Figures } from '../../shared/scheduling.ts'
import type { ServiceView } from './view.ts'

export type Amount = {
  /** In millionths. As a demand, 0 stands for all the CPUs of whichever node it is started on. */
  cpu: number
  memory: number
}

const millionths = 1_000_000

/** Measured or configured figures as an amount. */
export function amountOf({ cpus, memoryBytes }: Figures): Amount {
  return { cpu: Math.round(cpus * millionths), memory: memoryBytes }
}

const defaultMemory = 512 * 1024 ** 2

/** A virtual machine has one CPU unless it is given more; whatever else runs may take what it finds. */
const defaults: Record<'vm' | 'other', Amount> = {
  vm: { cpu: millionths, memory: defaultMemory },
  other: { cpu: 0, memory: defaultMemory },
}

/** What starting a service of this kind asks for when nobody said. */
export function defaultDemand(type: ServiceType): Amount {
  return type === 'vm' ? defaults.vm : defaults.other
}

/** What starting the service adds to a node. */
export function demandOf(service: ServiceView): Amount {
  const figures = service.config?.figures ?? null
  return figures === null ? defaultDemand(serviceType(service.sid)) : amountOf(figures)
}
