// Calls a resource agent: its environment, its process group, its end. Every action is killed as a whole at its timeout.
//
// Actions that change something go through a launcher. It writes down who it is, then looks at the start gate, then becomes
// the agent: what an earlier process was about to start is found by its run file, or finds its gate closed.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type CommandResult, runCommand } from '../run-command.ts'
import { programOf, type Resource } from './resource.ts'

export const gateClosedCode = 113

const launcher = `
grant=$1 wanted=$2 run=$3 boot=$4; shift 4
IFS= read -r stat </proc/$$/stat && printf '%s %s\\n' "$boot" "$stat" >"$run" || exit 114
if [ -n "$grant" ]; then
  { IFS= read -r line <"$grant"; } 2>/dev/null && [ "$line" = "$wanted" ] || exit ${gateClosedCode}
fi
unset grant wanted run boot line stat
exec "$@"
`

/** In the environment of every action, and of what it starts: \`<cluster uuid>/<node uid>/<sid>/<generation>\`. */
export const actionMark = 'HOLDFAST_OCF'

export type Action = 'start' | 'stop' | 'monitor' | 'migrate_to' | 'migrate_from' | 'meta-data'

export type Call = {
  ocfRoot: string
  resource: Pick<Resource, 'name' | 'provider' | 'type' | 'parameters'>
  action: Action
  timeoutMs: number
  node: string
  mark: string
  /** Of a recurring monitor; otherwise this is a probe, which takes "not running" for no failure. */
  intervalMs?: number
  /** Through the launcher; \`grant\`: what the gate must say, null: it needs none. */
  launch?: { gate: string; grant: string | null; runFile: string; bootId: string }
  /** More of Pacemaker's words to the agent. */
  meta?: Record<string, string>
  signal?: AbortSignal
  onGone?: () => void
}

/** Where agents keep what must not survive a reboot. The packages leave it to the service manager to make it. */
const scratchDirectory = '/run/resource-agents'

export function callAgent(call: Call): Promise<CommandResult> {
  const { ocfRoot, resource, action, timeoutMs, launch, signal, onGone } = call
  mkdirSync(scratchDirectory, { recursive: true, mode: 0o1755 })
  const command = [programOf(ocfRoot, resource), action]
  const [program, ...args] = launch
    ? [
        ...['/bin/sh', '-c', launcher, 'holdfast-ocf'],
        ...(launch.grant === null ? ['', ''] : [launch.gate, launch.grant]),
        ...[launch.runFile, launch.bootId],
        ...command,
      ]
    : command
  if (launch) mkdirSync(dirname(launch.runFile), { recursive: true, mode: 0o700 })
  return runCommand(program!, args, {
    ...{ timeoutMs, environment: environmentOf(call), leavesRunning: true, mostBytes: 256 * 1024 },
    ...(signal && { signal }),
    ...(onGone && { onGone }),
  })
}

function environmentOf(call: Call): Record<string, string> {
  const { ocfRoot, resource, action, timeoutMs, node, mark, intervalMs = 0, meta = {} } = call
  const environment: Record<string, string> = {
    OCF_ROOT: ocfRoot,
    OCF_RA_VERSION_MAJOR: '1',
    OCF_RA_VERSION_MINOR: '1',
    OCF_RESOURCE_INSTANCE: resource.name,
    OCF_RESOURCE_PROVIDER: resource.provider,
    OCF_RESOURCE_TYPE: resource.type,
    OCF_RESKEY_CRM_meta_timeout: `${timeoutMs}`,
    OCF_RESKEY_CRM_meta_interval: `${intervalMs}`,
    OCF_RESKEY_CRM_meta_name: action,
    OCF_RESKEY_CRM_meta_on_node: node,
    HA_LOGFACILITY: 'none',
  }
  for (const [name, value] of Object.entries(meta))
    environment[`OCF_RESKEY_CRM_meta_${name}`] = value
  for (const [name, value] of Object.entries(resource.parameters))
    environment[`OCF_RESKEY_${name}`] = value
  // Last: no parameter may hide what an action starts from those who must find it.
  environment[actionMark] = mark
  return environment
}

/** The reason an agent gave for its exit code, or the last thing it complained of; empty if it said nothing. */
export function reasonOf({ stderr }: Pick<CommandResult, 'stderr'>): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  const given = lines.findLast((line) => line.startsWith('ocf-exit-reason:'))
  const line = given?.slice('ocf-exit-reason:'.length) ?? lines.findLast(Boolean) ?? ''
  return line.slice(0, 300)
}
