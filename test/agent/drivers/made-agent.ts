// A resource agent that does what a test tells it: for each action, a piece of shell that the test leaves in its folder.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const script = `#!/bin/sh
dir=$OCF_RESKEY_dir
if [ "$1" = meta-data ]; then
cat <<END
<?xml version="1.0"?>
<resource-agent name="Made" version="1.0">
<parameters>
<parameter name="dir" required="1"><content type="string" /></parameter>
<parameter name="count"><content type="integer" default="1" /></parameter>
<parameter name="fast"><content type="boolean" /></parameter>
</parameters>
<actions>
<action name="start" timeout="20s" /><action name="stop" timeout="15" />
<action name="monitor" depth="0" timeout="7000ms" interval="2min" />
<action name="monitor" depth="10" timeout="1s" interval="1s" />
</actions>
</resource-agent>
END
exit 0
fi
echo "$OCF_RESOURCE_INSTANCE $1" >>"$dir/log"
[ ! -f "$dir/$OCF_RESOURCE_INSTANCE.$1" ] || . "$dir/$OCF_RESOURCE_INSTANCE.$1"
case $1 in
start) : >"$dir/$OCF_RESOURCE_INSTANCE.runs" ;;
stop) rm -f "$dir/$OCF_RESOURCE_INSTANCE.runs" ;;
monitor) [ -f "$dir/$OCF_RESOURCE_INSTANCE.runs" ] || exit 7 ;;
*) exit 3 ;;
esac
`

export const madeAgent = 'ocf:holdfast:Made'

/** @returns a folder to be used as OCF_ROOT */
export function makeAgent(home: string): string {
  const root = join(home, 'ocf-root')
  const folder = join(root, 'resource.d', 'holdfast')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Made'), script)
  chmodSync(join(folder, 'Made'), 0o755)
  return root
}
