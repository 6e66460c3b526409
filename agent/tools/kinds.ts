// What a tool's first word may be: the kinds of services, and `unit`, as people call what systemd runs. Loaded by every agent,
// so it imports next to nothing.
import { type ServiceType, serviceTypes } from '../../shared/names.ts'

const aliases = new Map<string, ServiceType>([
  ...serviceTypes.map((type) => [type, type] as const),
  ['unit', 'systemd'],
])

/** The kind of service that a word names, or undefined: then it is no tool that was called. */
export function kindOf(word: string | undefined): ServiceType | undefined {
  return word === undefined ? undefined : aliases.get(word)
}

export const toolUsage = `       ha-agent vm|ct|unit|process|podman|ocf|ocf-group VERB ID    ask the plane, which does it and keeps it so
         start ID           run it, and keep it running
         shutdown ID        stop it within its time, and keep it stopped; --timeout SECONDS
         stop ID            kill it at once, and keep it stopped
         restart ID         stop it and start it again on its node
         migrate ID NODE    move it, live where that can be
         status ID          what is requested, how it stands, where and why
         --wait SECONDS     how long to wait for the end (default: 120; 0: not at all); --json, --home, --url as below
         exit codes: 0 done · 1 refused, failed or not finished · 2 wrong usage · 3 no plane reached
                     4 the cluster does not manage it: nothing was done`
