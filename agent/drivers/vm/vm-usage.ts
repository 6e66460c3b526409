// What the running machines use, as libvirt counts it, in one call for all of them.
import type { ServiceReading } from '../driver.ts'
import type { Virsh } from './virsh.ts'

/** CPU time and memory of the machines with these names. */
export async function readMachines(
  virsh: Virsh,
  watched: readonly { sid: string; generation: number; name: string }[],
): Promise<ServiceReading[]> {
  if (watched.length === 0) return []
  const said = await virsh.ask(['domstats', '--cpu-total', '--balloon', '--list-active'])
  const byName = new Map(
    said.split(/^Domain: /m).map((part) => [/^'(.+)'$/m.exec(part)?.[1] ?? '', part]),
  )
  return watched.flatMap(({ sid, generation, name }) => {
    const stats = byName.get(name) ?? ''
    const figure = (key: string) => {
      const text = new RegExp(`^ *${key}=(\\d+)$`, 'm').exec(stats)?.[1]
      return text === undefined ? null : Number(text)
    }
    const cpuNs = figure('cpu\\.time')
    // What QEMU really holds; else what the guest was given.
    const memoryKib = figure('balloon\\.rss') ?? figure('balloon\\.current')
    if (cpuNs === null || memoryKib === null) return []
    return [{ sid, generation, cpuMs: cpuNs / 1e6, memoryBytes: memoryKib * 1024 }]
  })
}
