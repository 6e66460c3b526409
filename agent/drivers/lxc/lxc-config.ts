// The configuration a container is started with, and the start gate in it: a hook that fails unless the agent is about to
// start it, and no autostart (nor files that go with the first stop), whatever else its configuration says. LXC reads lines in order, the last one counts.
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readIfThere, writeFileAtomically } from '../../files.ts'
import { type ContainerSpec, containerOf } from '../../../shared/specs/container.ts'

export type Container = { name: string; path: string }

export type ConfigPlaces = {
  /** Containers that are there on the node. */
  lxcPath: string
  /** Containers whose configuration comes with the service: a reboot empties it, and no autostart looks there. */
  ownPath: string
  /** Gate scripts: they must outlive a reboot, as the containers that name them do. */
  gatePath: string
}

const begin = '# holdfast: begin. Only the agent of this node may start this container.'
const end = '# holdfast: end'

/** @returns a sentence if there is no such container on this node */
export function installContainer(
  sid: string,
  spec: ContainerSpec,
  grantFile: string,
  places: ConfigPlaces,
): Container | string {
  const name = containerOf(sid, spec)
  const gate = writeGate(sid, grantFile, places)
  if (spec.config) {
    const container = { name, path: places.ownPath }
    replaceConfig(configOf(container), gated(spec.config.join('\n'), gate))
    return container
  }
  const container = { name, path: places.lxcPath }
  const config = configOf(container)
  if (!existsSync(config)) return `there is no container ${container.name} in ${places.lxcPath}`
  gateContainer(sid, name, grantFile, places)
  return container
}

/**
 * Puts the gate into a container that is there on this node, if there is one. From then on only the agent starts it.
 * @returns whether it had none, or another
 */
export function gateContainer(
  sid: string,
  name: string,
  grantFile: string,
  places: ConfigPlaces,
): boolean {
  const config = configOf({ name, path: places.lxcPath })
  const now = readIfThere(config)
  if (now === null) return false
  const wanted = gated(now, writeGate(sid, grantFile, places))
  if (wanted !== now) replaceConfig(config, wanted)
  return wanted !== now
}

const configOf = ({ path, name }: Container) => join(path, name, 'config')

function writeGate(sid: string, grantFile: string, { gatePath }: ConfigPlaces): string {
  mkdirSync(gatePath, { recursive: true, mode: 0o755 })
  const gate = join(gatePath, sid)
  const text = `#!/bin/sh\n[ -e ${quoted(grantFile)} ]\n`
  if (readIfThere(gate) !== text) writeFileAtomically(gate, text)
  chmodSync(gate, 0o755)
  return gate
}

/** The same text with the gate as its last words. */
function gated(text: string, gate: string): string {
  const own = text.indexOf(begin)
  const after = text.indexOf(end)
  const rest =
    own >= 0 && after > own ? text.slice(0, own) + text.slice(after + end.length).trimStart() : text
  const lines = [
    begin,
    'lxc.start.auto = 0',
    'lxc.ephemeral = 0',
    `lxc.hook.pre-start = ${quoted(gate)}`,
    end,
  ]
  return `${rest.trimEnd()}\n\n${lines.join('\n')}\n`
}

function replaceConfig(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0o640
  const temporary = `${path}.holdfast`
  writeFileSync(temporary, text, { mode })
  renameSync(temporary, path)
}

/** For the shell that runs the hook. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
