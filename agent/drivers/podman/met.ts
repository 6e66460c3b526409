// Containers of Podman that somebody else made and that are services: by the names of the services, and once seen by their
// ids, whatever they are called later. Kept on disk, for the hook that is their start gate: they outlive a reboot, and Podman
// starts again what it was told to restart.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, writeFileAtomically } from '../../files.ts'

export type MetContainers = {
  /** The service is known from now on; false: it was before. */
  know(sid: string, name: string): boolean
  /** The service of a container without a mark; null: none of ours. What is told by its name is remembered by its id. */
  serviceOf: (container: { id: string; names: readonly string[] }) => string | null
}

/** Podman's names have no @. */
export function madeName(name: string): string {
  return `holdfast-${name.replaceAll('@', '_')}`
}

/** @param folder a file for each name and each id, with the service in it; kept */
export function createMetContainers(folder: string): MetContainers {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const sids = new Map<string, string>()
  for (const key of readdirSync(folder)) {
    const sid = readIfThere(join(folder, key))
    if (sid !== null) sids.set(key, sid)
  }
  function keep(key: string, sid: string): boolean {
    if (sids.get(key) === sid) return false
    writeFileAtomically(join(folder, key), sid)
    sids.set(key, sid)
    return true
  }
  return {
    know: (sid, name) =>
      [name, madeName(name)].filter((key) => isName(key) && keep(key, sid)).length > 0,
    serviceOf({ id, names }) {
      const known = [id, ...names].map((key) => sids.get(key)).find(Boolean) ?? null
      if (known !== null) keep(id, known)
      return known
    },
  }
}

/** As Podman has them: no path, and no id. */
function isName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)
}
