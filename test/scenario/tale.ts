// A scenario as it went, for its golden trace: how things stood, one line for each change with what really happened on
// the machines in between, and how things stand in the end. Times count from the beginning of the story.
import { serviceNow } from '../../control-plane/cluster/status.ts'
import type { World } from '../sim/world.ts'

export class Tale {
  private readonly lines: string[] = []
  private readonly world: World
  private isTold = false
  private begunMs = 0

  constructor(world: World) {
    this.world = world
    world.trace.onSay = (who, what) => {
      if (this.isTold && isWorthTelling(who, what)) this.say(toldAs(who, what))
    }
  }

  begin(): void {
    this.begunMs = this.world.nowMs
    this.isTold = true
    this.lines.push('# before', ...this.standing(), '# what happened')
  }

  /** A line of the scenario is acted out. */
  act(text: string): void {
    this.say(`> ${text}`)
  }

  text(): string {
    return [...this.lines, '# after', ...this.standing(), ''].join('\n')
  }

  private say(what: string): void {
    const seconds = ((this.world.nowMs - this.begunMs) / 1000).toFixed(1).padStart(7)
    this.lines.push(`${seconds}  ${what}`)
  }

  private standing(): string[] {
    const { world } = this
    const view = world.operator.view()
    const running = world.running()
    const machines = world.machines.map(({ name, isOn }) => {
      const state = view.nodes[name]?.state ?? 'not in the cluster'
      return `  node ${name}: ${state}${isOn ? '' : '; it is off'}`
    })
    const services = Object.keys(view.services)
      .sort()
      .map((sid) => {
        const where = running[sid] ? `; it runs on ${running[sid]}` : '; it runs nowhere'
        return `  ${serviceNow(view, view.services[sid]!)}${where}`
      })
    return [...machines, ...services]
  }
}

/** Changes, power, and what runs; of what drivers answer only what is not well. */
function isWorthTelling(who: string, what: string): boolean {
  if (who.startsWith('round ') || who === 'database') return true
  if (/^(on|off): /.test(what) || / (starts as \d+|is gone as \d+)$/.test(what)) return true
  return /^(start|stop|receive|migrate) \S+: (?!ok)/.test(what)
}

function toldAs(who: string, what: string): string {
  return who.startsWith('round ') ? what : `[${who}] ${what}`
}
