// The configuration a container is started with, and the start gate in it: a hook that fails unless the agent is about to
// start it, and no autostart (nor files that go with the first stop), whatever else its configuration says. LXC reads lines in order, the last one counts.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { ContainerSpec } from '../../../shared/specs/container.ts'

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
  const ownName = sid.slice(sid.indexOf(':') + 1)
  const gate = writeGate(sid, grantFile, places)
  if (spec.config) {
    const container = { name: ownName, path: places.ownPath }
    replaceConfig(configOf(container), gated(spec.config.join('\n'), gate))
    return container
  }
  const container = { name: spec.container ?? ownName, path: places.lxcPath }
  const config = configOf(container)
  if (!existsSync(config)) return `there is no container ${container.name} in ${places.lxcPath}`
  const now = readFileSync(config, 'utf8')
  const wanted = gated(now, gate)
  if (wanted !== now) replaceConfig(config, wanted)
  return container
}

const configOf = ({ path, name }: Container) => join(path, name, 'config')

function writeGate(sid: string, grantFile: string, { gatePath }: ConfigPlaces): string {
  mkdirSync(gatePath, { recursive: true, mode: 0o755 })
  const gate = join(gatePath, sid)
  writeFileSync(gate, `#!/bin/sh\n[ -e ${quoted(grantFile)} ]\n`)
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
