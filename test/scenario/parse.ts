// A scenario file: a sentence that says what it guarantees, what there is, and what happens, one to a line.
import { changedParts } from '../sim/unchanged.ts'
import { declarations, type Declared, nothingDeclared } from './declarations.ts'
import { conditionUsage, readCondition } from './conditions.ts'
import { machineFaults } from './faults.ts'
import { fenceFaults } from './fence-faults.ts'
import { planeFaults } from './plane-faults.ts'
import { serviceFaults } from './service-faults.ts'
import type { Stage } from './stage.ts'
import { wishes } from './wishes.ts'
import { Words, Wrong } from './words.ts'

/** A line that cannot be read, or did not come true. */
export class ScenarioFault extends Error {}

export type Step = {
  line: number
  text: string
  /** Told in the trace. */
  isDeed: boolean
  act(stage: Stage): void | Promise<void>
}

export type Scenario = {
  /** The first comment. */
  guarantee: string
  declared: Declared
  steps: Step[]
}

type Act = Step['act']
const faults = { ...machineFaults, ...fenceFaults, ...planeFaults, ...serviceFaults }

/** @throws ScenarioFault that names the file, the line and what would be right */
export function parseScenario(text: string, file: string): Scenario {
  const declared = nothingDeclared()
  const steps: Step[] = []
  for (const [index, full] of text.split('\n').entries()) {
    const written = full.replace(/#.*$/, '').trim()
    if (written === '') continue
    const line = index + 1
    located(file, line, written, () => {
      if (!declare(written, declared, steps.length > 0))
        steps.push({ line, text: written, ...readStep(written, declared, line) })
    })
  }
  const guarantee = /^# (\S.*)$/.exec(text.split('\n')[0] ?? '')?.[1]
  if (guarantee === undefined)
    throw new ScenarioFault(
      `${file}:1: the first line must be a comment that says what is guaranteed`,
    )
  if (declared.nodes.size === 0)
    throw new ScenarioFault(`${file}:1: there are no nodes; right would be: nodes n1 n2 n3`)
  return { guarantee, declared, steps }
}

/** Adds where it was to what is wrong. */
export function located<T>(file: string, line: number, text: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw locatedFault(file, line, text, error)
  }
}

export function locatedFault(file: string, line: number, text: string, error: unknown): unknown {
  if (!(error instanceof Wrong)) return error
  return new ScenarioFault(`${file}:${line}: ${text}: ${error.message}`)
}

/** Takes a line that says what there is; false: it says what happens. */
function declare(text: string, declared: Declared, hasBegun: boolean): boolean {
  const words = new Words(text)
  const verb = words.next('a verb')
  const declaration = declarations[verb]
  if (!declaration || (hasBegun && verb in wishes)) return false
  if (hasBegun) throw new Wrong(`${verb} must stand before anything happens`)
  withUsage(declaration.usage, words, () => declaration.read(words, declared))
  return true
}

function readStep(text: string, declared: Declared, line: number): Pick<Step, 'act' | 'isDeed'> {
  const words = new Words(text)
  const verb = words.next('a verb')
  if (verb === 'run') {
    const ms = withUsage('run 60s', words, () => words.duration('how long'))
    return { isDeed: false, act: (stage) => stage.pass(ms) }
  }
  if (verb === 'expect') {
    const usage = `expect [within 60s | for 60s | always | never] CONDITION, where CONDITION is: ${conditionUsage}; or: expect refused CODE when WISH`
    const act = withUsage(usage, words, () => readExpectation(words, declared, line))
    return { isDeed: false, act }
  }
  if (verb in wishes) {
    const wish = withUsage(wishes[verb]!.usage, words, () => wishes[verb]!.read(words))
    return { isDeed: true, act: async (stage) => stage.expectAccepted(await wish(stage)) }
  }
  const fault = faults[verb]
  if (!fault) throw new Wrong(`there is no verb ${verb}; there are: ${verbs().join(', ')}`)
  const deed = withUsage(fault.usage, words, () => {
    nameNode(words, declared)
    return fault.read(words)
  })
  return { isDeed: true, act: deed }
}

export function verbs(): string[] {
  return [...Object.keys(declarations), 'run', 'expect', ...Object.keys({ ...wishes, ...faults })]
}

function withUsage<T>(usage: string, words: Words, read: () => T): T {
  try {
    const result = read()
    words.end()
    return result
  } catch (error) {
    if (error instanceof Wrong) throw new Wrong(`${error.message}. Right would be: ${usage}`)
    throw error
  }
}

/** Faults and expectations are about nodes that there are; operators may name any. */
function nameNode(words: Words, { nodes }: Declared): void {
  const named = words.peek()
  if (/^n\d+$/.test(named) && !nodes.has(named))
    throw new Wrong(`there is no node ${named}, only ${[...nodes.keys()].join(' ')}`)
}

function readExpectation(words: Words, declared: Declared, line: number): Act {
  if (words.take('refused')) return readRefusal(words)
  if (words.take('always') || words.peek() === 'never') {
    const mustHold = !words.take('never')
    const condition = readNamed(words, declared)
    return ({ watched }) => void watched.push({ condition, mustHold, line })
  }
  const withinMs = words.take('within') ? words.duration('how long') : null
  const forMs = words.take('for') ? words.duration('how long') : null
  const condition = readNamed(words, declared)
  if (forMs !== null) return (stage) => holdsFor(stage, condition, forMs)
  return async (stage) => {
    if (withinMs !== null) await stage.pass(withinMs, () => condition(stage) === null)
    const fault = condition(stage)
    if (fault !== null) throw new Wrong(`but ${fault}`)
  }
}

async function holdsFor(
  stage: Stage,
  condition: (stage: Stage) => string | null,
  ms: number,
): Promise<void> {
  let fault: string | null = null
  await stage.pass(ms, () => (fault = condition(stage)) !== null)
  fault ??= condition(stage)
  if (fault !== null) throw new Wrong(`but ${fault}`)
}

function readNamed(words: Words, declared: Declared) {
  const rest = words.rest('a condition')
  for (const word of rest.split(' ')) nameNode(new Words(word), declared)
  const condition = new Words(rest)
  const read = readCondition(condition)
  condition.end()
  return read
}

/** Refused, with nothing changed. */
function readRefusal(words: Words): Act {
  const code = words.next('the code of the refusal')
  words.need('when')
  const verb = words.oneOf('a wish', Object.keys(wishes))
  const wish = withUsage(wishes[verb]!.usage, words, () => wishes[verb]!.read(words))
  return async (stage) => {
    const before = stage.world.database.memory.cluster(1)
    const answer = await wish(stage)
    if (answer.accepted) throw new Wrong('but it was accepted')
    const { refusal } = answer
    if (!refusal.includes(code)) throw new Wrong(`but it was refused as ${refusal}`)
    const changed = changedParts(before, stage.world.database.memory.cluster(1))
    if (changed.length > 0) throw new Wrong(`but ${changed.join(', ')} changed all the same`)
  }
}
