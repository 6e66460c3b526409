// libvirt's side of the start gate: a hook that its daemon runs whenever a domain is about to begin, by whatever way. It
// refuses a service that the agent is not starting or receiving right now. One hook a node; each answers for its own.
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../../files.ts'
import { withDomainFile } from './domain-file.ts'
import { markNamespace } from './mark.ts'
import { faultOf, type Virsh } from './virsh.ts'

export type HookPlaces = {
  nodeUid: string
  /** Where libvirt looks for hooks: /etc/libvirt/hooks. */
  hooks: string
  grants: string
  known: string
}

/** A name no service has; its start is refused by a hook that works, and by nothing else. */
const probeName = (nodeUid: string) => `holdfast-gate-${nodeUid}`
const works = 'the start gate works'

// A grant for what comes in is used up by the first that comes; `.in` then stands for that one alone.
const script = ({ nodeUid, hooks, grants, known }: HookPlaces) => `#!/bin/sh
# Start gate of Holdfast node ${nodeUid}, written by its agent. Virtual machines that are services begin only at its word.
name=$1 operation=$2
case $operation in prepare|start|started|migrate|restore) ;; *) exit 0 ;; esac
node='${nodeUid}' hooks='${hooks}/qemu.d' grants='${grants}' known='${known}'
refuse() { echo "Holdfast: $*" >&2; exit 1; }
[ "$name" = "${probeName(nodeUid)}" ] && refuse '${works}'
xml=$(cat)
uuid=$(printf '%s\\n' "$xml" | sed -n 's/^ *<uuid>\\([0-9a-f-]*\\)<\\/uuid>.*/\\1/p' | head -n 1)
case $xml in
  *'${markNamespace}'*) ;;
  *)
    for key in "$name" "$uuid"; do
      [ -n "$key" ] && [ -f "$known/$key" ] &&
        refuse "this is the service $(cat "$known/$key"); only its agent starts it (to take it away from Holdfast for good, remove $known/$key)"
    done
    exit 0 ;;
esac
mark=$(printf '%s\\n' "$xml" | sed -n 's/^.*<holdfast:service xmlns:holdfast="${markNamespace}" cluster="[^"]*" node="\\([^"]*\\)" sid="\\([^"]*\\)" generation="\\([0-9]*\\)" boot="\\([^"]*\\)"\\/>.*$/\\1 \\2 \\3 \\4/p')
set -f
set -- $mark
[ $# -eq 4 ] || refuse 'its mark cannot be read'
if [ "$1" != "$node" ]; then
  [ -f "$hooks/holdfast-$1" ] && exit 0
  refuse "it is a service of node $1, which is not at home here"
fi
sid=$2 grant="$3 $4"
[ "$operation" = restore ] && refuse "$sid does not come back from a saved state"
if [ "$operation" = migrate ]; then
  [ "$(cat "$grants/$sid" 2>/dev/null)" = "$grant" ] && mv "$grants/$sid" "$grants/$sid.in" 2>/dev/null ||
    refuse "nobody here expects $sid"
  exit 0
fi
for file in "$grants/$sid" "$grants/$sid.in"; do
  [ "$(cat "$file" 2>/dev/null)" = "$grant" ] && exit 0
done
refuse "$sid may not begin now"
`

/** Where the hook of this node is. */
export const hookPath = ({ hooks, nodeUid }: HookPlaces) =>
  join(hooks, 'qemu.d', `holdfast-${nodeUid}`)

/** Writes the hook, unless it is there as it should be. Throws if that cannot be done. */
export function installHook(places: HookPlaces): void {
  const path = hookPath(places)
  const text = script(places)
  mkdirSync(join(places.hooks, 'qemu.d'), { recursive: true, mode: 0o755 })
  if (readIfThere(path) !== text) replaceFile(path, text)
  chmodSync(path, 0o755)
}

/**
 * Why the daemon does not run the hook, as one sentence; null: it does. A daemon learns of its first hook when it begins or
 * is told to reload, so it is asked to start what only the hook refuses.
 */
export async function whyNotGated(virsh: Virsh, nodeUid: string): Promise<string | null> {
  const name = probeName(nodeUid)
  const xml = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>1</memory><os><type>hvm</type></os></domain>`
  const result = await withDomainFile(xml, (file) =>
    virsh.run(['create', '--paused', file], { timeoutMs: 30_000 }),
  )
  if (result.stderr.includes(works)) return null
  if (result.code !== 0) return `the start gate could not be tried: ${faultOf(result)}`
  await virsh.run(['destroy', name])
  return 'libvirt does not run the start gate yet: let it reload once (systemctl reload libvirtd)'
}

/** Lets the daemons of these pid files look for hooks anew. */
export function reloadDaemons(pidFiles: readonly string[]): void {
  for (const file of pidFiles)
    try {
      const pid = Number(readFileSync(file, 'utf8'))
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      if (/^(libvirtd|virtqemud)$/.test(name)) process.kill(pid, 'SIGHUP')
    } catch {
      // No such daemon here.
    }
}
