// Asking Podman, and asking the host behind its back: its database says which containers there are, the kernel whether
// anything of one lives.
import { z } from 'zod'
import type { PodmanSpec } from '../../../shared/specs/container.ts'
import type { Owner } from '../process/members.ts'
import { isGone, readMark, readProcesses } from '../process/proc-table.ts'
import { readProc } from '../process/read-proc.ts'
import { type CommandOptions, type CommandResult, runCommand } from '../run-command.ts'

/** Of the client that starts a container, which may outlive the agent; never of the container. */
export const clientMark = 'HOLDFAST_PODMAN'

/** \`<cluster uuid>/<node uid>/<sid>/<generation>\` */
const serviceLabel = 'holdfast.service'
const nodeLabel = 'holdfast.node'

/** Where the grant is in the container: on a file system of its own, so that no root file system is written to. */
const grantInside = '/dev/.holdfast-grant'

export type Known = {
  id: string
  sid: string
  generation: number
  /** Of its first process, as Podman last heard; 0: none. */
  pid: number
  /** Somebody else has made it: it is ended, and never removed. */
  isForeign: boolean
}

export type Podman = {
  run(words: string[], options: CommandOptions): Promise<CommandResult>
  /**
   * All containers of this node's services, whatever their state, and those that somebody else made and \`met\` has a service
   * for, by id or by name: as generation 0. Throws if Podman does not answer.
   */
  list(): Promise<Known[]>
}

/** The service of a container that bears no mark of any node; null: none of ours. */
export type Met = (container: { id: string; names: readonly string[] }) => string | null

/** @param globals words before the command, such as another store */
export function createPodman(
  owner: Owner,
  globals: readonly string[] = [],
  met: Met = () => null,
): Podman {
  const run: Podman['run'] = (words, options) =>
    runCommand('podman', [...globals, ...words], {
      ...options,
      environment: { ...passedOn(), ...options.environment },
    })
  return {
    run,
    async list() {
      const words = ['ps', '--all', '--no-trunc', '--format=json']
      const result = await run(words, { timeoutMs: 30_000, mostBytes: 16 * 1024 * 1024 })
      if (result.code !== 0) throw new Error(`podman ps: ${reasonOf(result)}`)
      return Listed.parse(JSON.parse(result.stdout)).flatMap(
        ({ Id: id, Names, Pid, Labels }): Known[] => {
          const label = Labels?.[serviceLabel]
          if (label !== undefined) {
            const mark = parseMark(owner, label)
            return mark ? [{ id, ...mark, pid: Pid ?? 0, isForeign: false }] : []
          }
          const sid = met({ id, names: Names ?? [] })
          return sid === null ? [] : [{ id, sid, generation: 0, pid: Pid ?? 0, isForeign: true }]
        },
      )
    },
  }
}

const Listed = z.array(
  z.object({
    Id: z.string().regex(/^[0-9a-f]{64}$/),
    Names: z.array(z.string()).nullish(),
    Pid: z.number().optional(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
)

const nodeOf = ({ clusterUuid, nodeUid }: Owner) => `${clusterUuid}/${nodeUid}`

/** What Podman finds its configuration and its store by. */
function passedOn(): Record<string, string> {
  const names = ['HOME', 'XDG_RUNTIME_DIR', 'CONTAINERS_CONF', 'CONTAINERS_STORAGE_CONF']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** Every value in one word with its option: none of them can be taken for an option. */
export function runWords(
  spec: PodmanSpec,
  what: { name: string; mark: string; owner: Owner; grantFile: string },
): string[] {
  const {
    image,
    rootfs,
    command = [],
    environment,
    volumes,
    ports,
    network,
    memoryBytes,
    cpus,
  } = spec
  return [
    ...['run', '--detach', '--restart=no', '--pull=never', `--name=${what.name}`],
    ...[`--label=${serviceLabel}=${what.mark}`, `--label=${nodeLabel}=${nodeOf(what.owner)}`],
    // The start gate: what is to be mounted is there only while the agent is about to start it.
    `--mount=type=bind,src=${what.grantFile},dst=${grantInside},ro`,
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
    ...volumes.map((volume) => `--volume=${volume}`),
    ...ports.map((port) => `--publish=${port}`),
    ...(network === undefined ? [] : [`--network=${network}`]),
    ...(memoryBytes === undefined ? [] : [`--memory=${memoryBytes}b`]),
    ...(cpus === undefined ? [] : [`--cpus=${cpus}`]),
    ...(rootfs === undefined ? [image!] : ['--rootfs', rootfs]),
    ...command,
  ]
}

/** Clients that are about to start something, also those of an agent that is gone. */
export function findClients(owner: Owner): { sid: string; generation: number; pid: number }[] {
  return readProcesses().flatMap(({ pid }) => {
    const mark = parseMark(owner, readMark(pid, clientMark))
    return mark ? [{ ...mark, pid }] : []
  })
}

/** Processes in the container's own cgroups. */
export function processesOf(id: string): number[] {
  return readProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => isOf(pid, id))
}

/**
 * Those that work on it from outside: conmon, the runtime that makes it, Podman clearing up. While there is one, something
 * of it may still begin.
 */
export function attendantsOf(id: string): number[] {
  return readProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => readIfLiving(`/proc/${pid}/cmdline`).includes(id))
}

export function isOf(pid: number, id: string): boolean {
  return readIfLiving(`/proc/${pid}/cgroup`).includes(`libpod-${id}`)
}

function readIfLiving(path: string): string {
  try {
    return readProc(path)
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

function parseMark(owner: Owner, mark: string | null): { sid: string; generation: number } | null {
  const prefix = `${nodeOf(owner)}/`
  if (!mark?.startsWith(prefix)) return null
  const [sid, generation = ''] = mark.slice(prefix.length).split('/')
  return sid === undefined || !/^\d+$/.test(generation)
    ? null
    : { sid, generation: Number(generation) }
}

export function reasonOf({ stderr, isTimeout }: CommandResult): string {
  const last = stderr.trim().split('\n').at(-1) ?? ''
  return isTimeout ? 'it did not answer in time' : last.replace(/^Error: /, '').slice(0, 500)
}
