// Podman's side of the start gate: an OCI hook that every container of this host runs before its first process begins. It
// refuses one that is a service, by id or by name, without the grant file; also what Podman itself restarts after a boot.
// The script lies beside its description, so that removing the agent's folder leaves no hook that cannot run.
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../../files.ts'

export type PodmanHook = {
  nodeUid: string
  /** Where Podman looks for hooks if it is told of no other place. */
  hooks: string
  grants: string
  met: string
}

export const usualHooks = '/usr/share/containers/oci/hooks.d'

// Names are in the storage's own list, beside the bundle; a container that is made anew under a known name is told by them.
const script = ({ grants, met }: PodmanHook) => String.raw`#!/bin/sh
# Start gate of Holdfast, written by the agent of this node. Containers that are services begin only at its word.
grants=${quoted(grants)} met=${quoted(met)}
[ -d "$met" ] || exit 0
state=$(cat)
id=$(printf '%s' "$state" | sed -n 's/.*"id": *"\([0-9a-f]\{64\}\)".*/\1/p')
bundle=$(printf '%s' "$state" | sed -n 's/.*"bundle": *"\([^"]*\)".*/\1/p')
[ -n "$id" ] || exit 0
names=$(sed 's/{"id":/\n&/g' "$bundle/../../containers.json" 2>/dev/null |
  sed -n "s/^{\"id\":\"$id\",\"names\":\[\([^]]*\)\].*/\1/p" | tr -d '"' | tr ',' ' ')
set -f
for key in $id $names; do
  [ -f "$met/$key" ] || continue
  sid=$(cat "$met/$key")
  [ -f "$grants/$sid" ] && exit 0
  echo "Holdfast: this is the service $sid; only its agent starts it (to take it away from Holdfast for good, remove $met/$key)" >&2
  exit 1
done
exit 0
`

/** Writes the hook, unless it is there as it should be. Throws if that cannot be done. */
export function installPodmanHook(places: PodmanHook): void {
  const { hooks, nodeUid } = places
  mkdirSync(hooks, { recursive: true, mode: 0o755 })
  const path = join(hooks, `holdfast-${nodeUid}`)
  const text = script(places)
  if (readIfThere(path) !== text) replaceFile(path, text)
  chmodSync(path, 0o755)
  const description = `${JSON.stringify({
    version: '1.0.0',
    hook: { path },
    when: { always: true },
    stages: ['prestart'],
  })}\n`
  if (readIfThere(`${path}.json`) !== description) replaceFile(`${path}.json`, description)
  chmodSync(`${path}.json`, 0o644)
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
