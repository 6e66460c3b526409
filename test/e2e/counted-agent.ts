// A resource agent whose resource is a process that counts, and takes its count along when it moves. Every number is written
// down with the node it was counted on: a start begins at 1, a live move goes on.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** \`NODE.ACTION\` in its folder is run before an action, as \`NODE.ACTION.after\` is once that has done its work. */
const script = (moves: string) => `#!/bin/sh
dir=$OCF_RESKEY_dir node=$OCF_RESKEY_CRM_meta_on_node
from=$OCF_RESKEY_CRM_meta_migrate_source
if [ "$1" = meta-data ]; then
cat <<END
<?xml version="1.0"?>
<resource-agent name="Counted" version="1.0">
<parameters><parameter name="dir" required="1"><content type="string" /></parameter></parameters>
<actions>
<action name="start" timeout="10s" /><action name="stop" timeout="10s" />
<action name="monitor" depth="0" timeout="10s" interval="500ms" />
${moves}
</actions>
</resource-agent>
END
exit 0
fi
runs() { read -r pid 2>/dev/null <"$dir/$node.pid" && kill -0 "$pid" 2>/dev/null; }
count() {
  setsid sh -c 'n=$3
    while :; do n=$((n + 1)); echo "$2 $n" >>"$1/counted"; sleep 0.05; done' counter "$dir" "$node" "$1" \\
    </dev/null >/dev/null 2>&1 &
  echo $! >"$dir/$node.pid"
}
end() {
  runs || return 0
  kill -9 "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
}
[ "$1" = monitor ] || echo "$node $1" >>"$dir/calls"
[ ! -f "$dir/$node.$1" ] || . "$dir/$node.$1"
case $1 in
start) count 0 ;;
stop) end; rm -f "$dir/$node.pid" "$dir/$node.parcel" ;;
monitor) runs || exit 7 ;;
migrate_to)
  runs || exit 1
  end
  tail -n 1 "$dir/counted" | cut -d ' ' -f 2 >"$dir/$node.parcel" ;;
migrate_from)
  [ -f "$dir/$from.parcel" ] || exit 1
  count "$(cat "$dir/$from.parcel")" ;;
*) exit 3 ;;
esac
[ ! -f "$dir/$node.$1.after" ] || . "$dir/$node.$1.after"
`

const moves =
  '<action name="migrate_to" timeout="10s" /><action name="migrate_from" timeout="10s" />'

/**
 * Two agents, of which `Settled` declares no way to move.
 * @param folder of a provider, below `resource.d`
 */
export function installCountedAgents(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, declared] of [
    ['Counted', moves],
    ['Settled', ''],
  ] as const) {
    writeFileSync(join(folder, name), script(declared))
    chmodSync(join(folder, name), 0o755)
  }
}

const linesOf = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

/** The actions that were called, but for monitors: `n1 start`. */
export const callsIn = (dir: string) => linesOf(join(dir, 'calls'))

export type Run = { node: string; first: number; last: number }

/**
 * What was counted, as runs: each on one node, number after number. Two copies at once would count in turns, and show as many
 * runs that overlap.
 */
export function runsIn(dir: string): Run[] {
  const runs: Run[] = []
  for (const line of linesOf(join(dir, 'counted'))) {
    const [node = '', text] = line.split(' ')
    const number = Number(text)
    const run = runs.at(-1)
    if (run?.node === node && number === run.last + 1) run.last = number
    else runs.push({ node, first: number, last: number })
  }
  return runs
}
