// The `systemd:` driver: units of the host's service manager, behind a start gate of its own (unit-gate.ts). The manager
// runs them; this agent alone lets them start, notices their end, and says when nothing of them is left.
import { join } from 'node:path'
import { z } from 'zod'
import { isTemplate, SystemdSpec, unitFault, unitOf } from '../../../shared/specs/systemd.ts'
import type { Found } from '../../lrm/decide/lrm.ts'
import type { Asked, Driver, DriverResult, StartRequest } from '../driver.ts'
import type { Ending } from '../ending-loop.ts'
import { createGate } from '../gate.ts'
import type { HostOptions } from '../host-drivers.ts'
import { readServices } from '../process/service-usage.ts'
import { runCommand } from '../run-command.ts'
import { processesBelow, unitCgroup } from './unit-cgroup.ts'
import { endUnit } from './unit-ending.ts'
import { gateAll, type GatedUnit, gatedUnits, installGate } from './unit-gate.ts'
import { createUnitMarks } from './unit-marks.ts'
import {
  describeEnd,
  isActive,
  isDown,
  isUp,
  showUnit,
  showUnits,
  systemctl,
} from './unit-state.ts'
import { createUnitWatch } from './unit-watch.ts'

/** A unit has its own `TimeoutStartSec`; this is for one that has none. */
const startPatienceMs = 600_000

export function createSystemdDriver(options: HostOptions): Driver {
  const { runDirectory, owner, bootId, clock, events, log } = options
  const gate = createGate(join(runDirectory, 'grants'), 'systemd', bootId)
  const marks = createUnitMarks(join(runDirectory, 'units'), owner, bootId)
  const endings = new Map<string, Ending>()
  /** Starts whose client has yet to answer, and how many stops were asked for: a start that was overtaken must not begin. */
  const starting = new Set<string>()
  const stops = new Map<string, number>()
  /** Units of the cluster whose start gate has something after it. */
  const hopeless = new Set<string>()
  const disabled = new Set<string>()
  const watch = createUnitWatch(
    () => clock.bootMs(),
    ({ sid, generation }, detail) => events.exited(sid, generation, detail),
  )

  async function start(request: StartRequest): Promise<DriverResult> {
    const { sid, generation } = request
    const parsed = SystemdSpec.safeParse(request.spec)
    if (!parsed.success) return { outcome: 'invalid', detail: z.prettifyError(parsed.error) }
    const fault = unitFault(sid, parsed.data)
    if (fault !== null) return { outcome: 'invalid', detail: fault }
    if (endings.has(sid)) return error('it is being stopped')
    if (!request.mayStart()) return error('later than the lease allows')
    const unit = unitOf(sid, parsed.data)
    const stopsBefore = stops.get(sid) ?? 0
    const isOvertaken = () => endings.has(sid) || (stops.get(sid) ?? 0) !== stopsBefore
    try {
      const refusal = await installGate({ sid, unit }, owner, gate.path(sid))
      if (refusal !== null) return { outcome: 'invalid', detail: refusal }
      // What failed too often before is not our business.
      await systemctl(['reset-failed', '--', unit]).catch(() => {})
    } catch (fault) {
      return error((fault as Error).message)
    }
    if (isOvertaken()) return error('it is being stopped')
    if (!request.mayStart()) return error('later than the lease allows')
    return await startNow(unit, sid, generation, isOvertaken)
  }

  async function startNow(
    unit: string,
    sid: string,
    generation: number,
    isOvertaken: () => boolean,
  ): Promise<DriverResult> {
    marks.write(sid, unit, generation)
    gate.open(sid, generation)
    starting.add(sid)
    try {
      const { code, stderr, isTimeout } = await runCommand('systemctl', ['start', '--', unit], {
        timeoutMs: startPatienceMs,
      })
      const state = await showUnit(unit)
      if (isOvertaken()) return error('it was stopped while it started')
      if (isActive(state)) {
        watch.add({ sid, unit, generation }, state)
        return { outcome: 'ok', detail: `${unit}, main process ${state.mainPid}` }
      }
      if (isTimeout) return { outcome: 'timeout', detail: `${unit} is ${state.active} still` }
      const said = code === 0 ? '' : ` (${stderr.trim().split('\n')[0]})`
      return error(`${describeEnd(state)}${said}`)
    } catch (fault) {
      return error((fault as Error).message)
    } finally {
      starting.delete(sid)
      if (!isOvertaken()) gate.close(sid)
    }
  }

  async function stop(sid: string, timeoutMs: number): Promise<DriverResult> {
    stops.set(sid, (stops.get(sid) ?? 0) + 1)
    gate.close(sid)
    watch.remove(sid)
    const running = endings.get(sid)
    if (running) {
      running.hurry(timeoutMs)
      return await running.done
    }
    const results: DriverResult[] = []
    // One, but for a service whose unit was named anew.
    for (const { unit } of ownUnits().filter((one) => one.sid === sid)) {
      const deps = { clock, isStarting: () => starting.has(sid) }
      const ending = endUnit(unit, deps, timeoutMs)
      endings.set(sid, ending)
      results.push(await ending.done.finally(() => endings.delete(sid)))
    }
    const failed = results.find(({ outcome }) => outcome !== 'ok')
    if (failed) return failed
    marks.remove(sid)
    return { outcome: 'ok', detail: '' }
  }

  /** Those behind a gate, and what was started here, should somebody have taken its gate away meanwhile. */
  function ownUnits(): GatedUnit[] {
    const gated = gatedUnits(owner)
    const isGated = ({ unit }: GatedUnit) => gated.some((one) => one.unit === unit)
    return [...gated, ...marks.list().filter((one) => !isGated(one))]
  }

  /** Its gate is there from now on, also on nodes on which it never runs; and what runs already is ours to tell of. */
  async function meet({ sid, spec }: Asked): Promise<void> {
    const parsed = SystemdSpec.safeParse(spec)
    if (!parsed.success || starting.has(sid) || endings.has(sid)) return
    const unit = unitOf(sid, parsed.data)
    if (isTemplate(unit)) return
    if ((await showUnit(unit)).load === 'not-found') return
    try {
      const refusal = await installGate({ sid, unit }, owner, gate.path(sid))
      if (refusal !== null) log('warn', 'a unit has no start gate', { sid, why: refusal })
    } catch (fault) {
      log('warn', 'a unit has no start gate', { sid, why: (fault as Error).message })
    }
    const isRunning = isUp(await showUnit(unit))
    if (isRunning && marks.generation(sid, unit) === null) marks.write(sid, unit, 0)
  }

  /** All units of the cluster's services: what runs before there was a gate is nobody's fault, and ours to tell of. */
  async function meetAll(known: readonly Asked[]): Promise<void> {
    const units = known.flatMap(({ sid, spec }): GatedUnit[] => {
      const parsed = SystemdSpec.safeParse(spec)
      const unit = parsed.success ? unitOf(sid, parsed.data) : null
      return unit === null || isTemplate(unit) ? [] : [{ sid, unit }]
    })
    if (units.length === 0) return
    const open = await gateAll(units, owner, {
      grantFileOf: (sid) => gate.path(sid),
      ...{ hopeless, disabled },
      meet({ sid, unit }, state) {
        if (isUp(state) && marks.generation(sid, unit) === null) marks.write(sid, unit, 0)
      },
    })
    for (const unit of open.filter((one) => !hopeless.has(one)))
      log('warn', 'a unit has a start gate that may not count', { unit })
    hopeless.clear()
    for (const unit of open) hopeless.add(unit)
  }

  async function survey(
    asked: readonly Asked[] = [],
    known: readonly Asked[] = [],
  ): Promise<Found[]> {
    for (const one of asked) await meet(one)
    await meetAll(known)
    const own = ownUnits()
    const states = await showUnits(own.map(({ unit }) => unit))
    return own.flatMap((one, index) => {
      const state = states[index]
      return state ? find(one, state) : []
    })
  }

  function find({ sid, unit }: GatedUnit, state: Awaited<ReturnType<typeof showUnit>>): Found[] {
    if (isDown(state) && processesBelow(unitCgroup(state)).length === 0) return []
    const generation = marks.generation(sid, unit)
    // Behind the gate, and not by this agent's doing in this boot: whatever it is, it has to go.
    if (generation === null) {
      log('warn', 'a unit runs that this agent did not start', { sid, unit })
      return [{ sid, generation: 0, state: 'unknown' }]
    }
    // Also while it is being reloaded: a start of what is active is none, and any other end of it is noticed. And while it
    // starts, begun by an earlier process or before it was ours: that is no leftover of anything.
    const isRunning = isUp(state)
    if (isRunning && !endings.has(sid) && !watch.has(sid, generation))
      watch.add({ sid, unit, generation }, state)
    return [{ sid, generation, state: isRunning ? 'running' : 'unknown' }]
  }

  async function measure() {
    const watched = watch.list()
    const states = await showUnits(watched.map(({ unit }) => unit))
    return await readServices(
      watched.flatMap(({ sid, generation }, index) => {
        const state = states[index]
        if (!state || state.mainPid === 0) return []
        return [{ sid, generation, pid: state.mainPid, cgroups: [unitCgroup(state)] }]
      }),
    )
  }

  return {
    type: 'systemd',
    survey,
    // The gate needs the specification, and comes with the start.
    prepare: () => {},
    start,
    stop,
    measure,
    detach: () => watch.end(),
  }
}

const error = (detail: string): DriverResult => ({ outcome: 'error', detail })
