// What the host's service manager says of units: always asked anew, never remembered.
import { runCommand } from '../run-command.ts'

export type UnitState = {
  name: string
  /** The name itself, where `name` is an alias. */
  id: string
  load: string
  active: string
  sub: string
  result: string
  /** A start, stop or reload of it is queued or under way. */
  hasJob: boolean
  mainPid: number
  /** How the main process ended last. */
  mainCode: string
  mainStatus: string
  controlGroup: string
  slice: string
  enabled: string
  triggeredBy: string[]
  dropIns: string[]
  isStale: boolean
}

/** Longer than the manager ever takes to answer when it answers at all. */
const patienceMs = 10_000
/** What is told of ten thousand units. */
const mostBytes = 16 * 1024 * 1024

const properties = [
  ...['Id', 'LoadState', 'ActiveState', 'SubState', 'Result', 'Job', 'MainPID', 'ControlGroup'],
  ...['Slice', 'UnitFileState', 'TriggeredBy', 'DropInPaths', 'NeedDaemonReload'],
  ...['ExecMainCode', 'ExecMainStatus'],
]

/** One for each of `units`, in their order. Throws if the manager does not answer: that is a doubt, not an absence. */
export async function showUnits(units: readonly string[]): Promise<UnitState[]> {
  if (units.length === 0) return []
  const text = await systemctl(['show', `--property=${properties.join(',')}`, '--', ...units])
  const blocks = text.trim().split(/\n\n+/)
  if (blocks.length !== units.length)
    throw new Error(`systemctl told of ${blocks.length} units, of ${units.length} asked for`)
  return blocks.map((block, index) => parseUnit(units[index] as string, block))
}

export async function showUnit(unit: string): Promise<UnitState> {
  const [state] = await showUnits([unit])
  return state as UnitState
}

/** Runs a verb that changes something, or throws with what `systemctl` said. */
export async function systemctl(args: string[], timeoutMs = patienceMs): Promise<string> {
  const { code, stdout, stderr, isTimeout } = await runCommand('systemctl', args, {
    ...{ timeoutMs, mostBytes },
  })
  if (code === 0) return stdout
  const why = isTimeout ? `no answer within ${timeoutMs} ms` : stderr.trim() || `exit code ${code}`
  throw new Error(`systemctl ${args[0]}: ${why}`)
}

export const isActive = ({ active }: UnitState) => active === 'active' || active === 'reloading'

/** Active, or on its way there: something of it is here. What comes of a start that others began is for its end to say. */
export const isUp = (state: UnitState) => isActive(state) || state.active === 'activating'

/** Neither is, nor is about to become, anything. Its cgroup is another question. */
export const isDown = ({ active, hasJob }: UnitState) =>
  !hasJob && (active === 'inactive' || active === 'failed')

/** How it ended, in a few words. */
export function describeEnd({ active, result, mainCode, mainStatus }: UnitState): string {
  if (mainCode === 'exited' && mainStatus !== '0') return `${result}: exit code ${mainStatus}`
  if (mainCode === 'killed' || mainCode === 'dumped')
    return `${result}: killed by signal ${mainStatus}`
  return result === 'success' ? `the unit is ${active}` : `the unit is ${active}: ${result}`
}

/** What `ExecMainCode` is in numbers: those of `siginfo_t`. */
const mainCodes: Record<string, string> = { '1': 'exited', '2': 'killed', '3': 'dumped' }

function parseUnit(name: string, block: string): UnitState {
  const values = new Map<string, string>()
  for (const line of block.split('\n')) {
    const at = line.indexOf('=')
    values.set(line.slice(0, at), line.slice(at + 1))
  }
  const value = (key: string) => values.get(key) ?? ''
  const words = (key: string) => value(key).split(' ').filter(Boolean)
  if (value('ActiveState') === '') throw new Error(`systemctl did not tell the state of ${name}`)
  return {
    name,
    id: value('Id'),
    load: value('LoadState'),
    active: value('ActiveState'),
    sub: value('SubState'),
    result: value('Result'),
    hasJob: value('Job') !== '' && value('Job') !== '0',
    mainPid: Number(value('MainPID')) || 0,
    mainCode: mainCodes[value('ExecMainCode')] ?? '',
    mainStatus: value('ExecMainStatus'),
    controlGroup: value('ControlGroup'),
    slice: value('Slice'),
    enabled: value('UnitFileState'),
    triggeredBy: words('TriggeredBy'),
    dropIns: words('DropInPaths'),
    isStale: value('NeedDaemonReload') === 'yes',
  }
}
