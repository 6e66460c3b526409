// A resource agent that really carries something from one node to another: a number that it counts on, in a folder of each
// node. It writes down every call with what it was told, and does at each step what a test leaves there for it.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `NODE.ACTION` in its folder is run before an action, `NODE.ACTION.after` once it has done its work. It keeps `NODE/runs`
 * while it runs there, and sends `NODE/parcel`.
 */
const script = (declares: readonly string[]) => `#!/bin/sh
dir=$OCF_RESKEY_dir
if [ "$1" = meta-data ]; then
cat <<END
<?xml version="1.0"?>
<resource-agent name="Carried" version="1.0">
<parameters><parameter name="dir" required="1"><content type="string" /></parameter></parameters>
<actions>
<action name="start" timeout="20s" /><action name="stop" timeout="20s" />
<action name="monitor" depth="0" timeout="5s" interval="500ms" />
${declares.map((name) => `<action name="${name}" timeout="15s" />`).join('')}
</actions>
</resource-agent>
END
exit 0
fi
node=$OCF_RESKEY_CRM_meta_on_node
from=$OCF_RESKEY_CRM_meta_migrate_source to=$OCF_RESKEY_CRM_meta_migrate_target
[ "$1" = monitor ] || echo "$node $1\${from:+ $from>$to} $OCF_RESKEY_CRM_meta_timeout" >>"$dir/log"
[ ! -f "$dir/$node.$1" ] || . "$dir/$node.$1"
mkdir -p "$dir/$node"
case $1 in
start) echo 1 >"$dir/$node/runs" ;;
stop) rm -f "$dir/$node/runs" "$dir/$node/parcel" ;;
monitor) [ -f "$dir/$node/runs" ] || exit 7 ;;
migrate_to)
  [ -f "$dir/$node/runs" ] && [ "$from" = "$node" ] || exit 1
  mv "$dir/$node/runs" "$dir/$node/parcel" ;;
migrate_from)
  [ -f "$dir/$from/parcel" ] && [ "$to" = "$node" ] || exit 1
  echo $(($(cat "$dir/$from/parcel") + 1)) >"$dir/$node/runs" ;;
*) exit 3 ;;
esac
[ ! -f "$dir/$node.$1.after" ] || . "$dir/$node.$1.after"
`

export const carriedAgent = 'ocf:holdfast:Carried'

/** @returns a folder to be used as OCF_ROOT */
export function makeCarriedAgent(
  home: string,
  declares: readonly string[] = ['migrate_to', 'migrate_from'],
): string {
  const root = join(home, 'ocf-root')
  installCarriedAgent(join(root, 'resource.d', 'holdfast'), declares)
  return root
}

/** @param folder of a provider, below `resource.d` */
export function installCarriedAgent(
  folder: string,
  declares: readonly string[] = ['migrate_to', 'migrate_from'],
): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Carried'), script(declares))
  chmodSync(join(folder, 'Carried'), 0o755)
}
