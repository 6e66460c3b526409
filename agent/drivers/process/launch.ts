// Spawning a service: a small launcher joins the cgroup, passes the start gate, writes down who it is, and becomes the
// service. No shell ever sees the service's own words: they are arguments of the launcher, untouched.
//
// The agent may be exempt from the kernel's OOM killer; its services are not.
//
// The start gate: a grant file must exist and name this generation and this boot. The agent writes it right before the
// spawn, and removes it before every stop and when it begins to look at the host; so a launcher that was forked but had
// not yet been marked when the host was looked at cannot begin afterwards.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { ProcessSpec } from '../../../shared/specs/process.ts'
import { serviceMark } from './members.ts'

/** Exit codes of the launcher itself, as little like those of programs as can be. */
export const gateClosedCode = 113
export const notNotedCode = 114
export const noUserCode = 115

const launcher = `
cgroup=$1 grant=$2 wanted=$3 run=$4 boot=$5 user=$6 group=$7 limits=$8; shift 8
{ echo 0 >/proc/$$/oom_score_adj; } 2>/dev/null || :
[ -z "$cgroup" ] || echo $$ 2>/dev/null >"$cgroup/cgroup.procs" || :
{ IFS= read -r line <"$grant"; } 2>/dev/null && [ "$line" = "$wanted" ] || exit ${gateClosedCode}
IFS= read -r stat </proc/$$/stat && printf '%s %s\\n' "$boot" "$stat" >"$run" || exit ${notNotedCode}
if [ -n "$user" ]; then
  [ -n "$group" ] || group=$(id -g "$user") || exit ${noUserCode}
  set -- setpriv --reuid="$user" --regid="$group" --init-groups -- "$@"
elif [ -n "$group" ]; then
  set -- setpriv --regid="$group" --clear-groups -- "$@"
fi
[ -z "$limits" ] || set -- prlimit $limits -- "$@"
unset cgroup grant wanted run boot line stat user group limits
exec "$@"
`

/** Passed on from the agent's own environment; the rest of it is the agent's business. */
const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'TMPDIR']
/** Set by whoever must find the agent and all its services again; empty outside development sites. */
const nodeMark = 'HOLDFAST_NODE_BOOT'

export type Launch = {
  spec: ProcessSpec
  mark: string
  sid: string
  node: string
  cgroup: string | null
  grantFile: string
  grant: string
  runFile: string
  bootId: string
  /** Opened for append; closed here. */
  logFile: number
}

/** Spawns it in a session of its own. Returns at once, or throws if there could be no process. */
export function launch(options: Launch): ChildProcess {
  const { spec, cgroup, grantFile, grant, runFile, bootId, logFile } = options
  const environment: Record<string, string> = {}
  for (const name of inherited) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  const boot = process.env[nodeMark]
  const marks = boot === undefined ? {} : { [nodeMark]: boot }
  try {
    const child = spawn(
      '/bin/sh',
      [
        ...['-c', launcher, 'holdfast-launch'],
        ...[cgroup ?? '', grantFile, grant, runFile, bootId],
        ...[spec.user ?? '', spec.group ?? '', limitOptions(spec)],
        ...spec.command,
      ],
      {
        cwd: spec.directory ?? '/',
        detached: true,
        stdio: ['ignore', logFile, logFile],
        env: {
          ...environment,
          ...(spec.user !== undefined && { USER: spec.user, LOGNAME: spec.user, HOME: '/' }),
          HOLDFAST_SID: options.sid,
          HOLDFAST_NODE: options.node,
          ...spec.environment,
          // The marks last: no specification may hide its processes from those who must find them.
          ...marks,
          [serviceMark]: options.mark,
        },
      },
    )
    child.unref()
    return child
  } finally {
    closeSync(logFile)
  }
}

type Limits = NonNullable<ProcessSpec['limits']>

const limitNames: Record<keyof Limits, string> = {
  openFiles: 'nofile',
  processes: 'nproc',
  fileBytes: 'fsize',
  addressSpaceBytes: 'as',
  coreBytes: 'core',
}

/** For `prlimit`: names and numbers, parted by blanks. */
function limitOptions({ limits = {} }: ProcessSpec): string {
  return (Object.keys(limitNames) as (keyof Limits)[])
    .filter((name) => limits[name] !== undefined)
    .map((name) => `--${limitNames[name]}=${limits[name]}`)
    .join(' ')
}
