// Plays scenarios of our own: under all checks of the simulated world, with their expectations, against their golden
// traces.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { locatedFault, parseScenario, type Scenario, ScenarioFault } from './parse.ts'
import { Stage } from './stage.ts'

export type Played = {
  file: string
  ok: boolean
  /** What was wrong first, if anything: of a line, of safety, or of the trace. */
  first?: string
}

/** Plays one to its end or to its first fault; its trace is told either way. */
export async function playScenario(
  scenario: Scenario,
  file: string,
): Promise<{ trace: string; fault: string | null }> {
  const stage = new Stage(scenario.declared)
  let fault: string | null = null
  try {
    await located(file, 1, scenario.guarantee, () => stage.begin())
    for (const step of scenario.steps) {
      if (step.isDeed) stage.tale.act(step.text)
      await located(file, step.line, step.text, () => step.act(stage))
    }
    // What the last line brought about is looked at, too.
    await located(file, scenario.steps.length, 'in the end', () => stage.pass(0))
  } catch (error) {
    if (!(error instanceof ScenarioFault)) throw error
    fault = error.message
  }
  return { trace: `# ${scenario.guarantee}\n${stage.tale.text()}`, fault }
}

async function located(
  file: string,
  line: number,
  text: string,
  act: () => void | Promise<void>,
): Promise<void> {
  try {
    await act()
  } catch (error) {
    throw locatedFault(file, line, text, error)
  }
}

/**
 * @param text what the file holds
 * @param update writes the trace anew instead of comparing with it
 */
export async function playTextFile(file: string, text: string, update = false): Promise<Played> {
  const name = path.basename(file)
  let scenario: Scenario
  try {
    scenario = parseScenario(text, name)
  } catch (error) {
    if (!(error instanceof ScenarioFault)) throw error
    return { file: name, ok: false, first: error.message }
  }
  const { trace, fault } = await playScenario(scenario, name)
  if (fault !== null) return { file: name, ok: false, first: fault }
  const golden = file.replace(/(\.txt|\.json)?$/, '.trace')
  if (update) writeFileSync(golden, trace)
  // What was exported, or has just been written, has no trace yet.
  if (!existsSync(golden)) return { file: name, ok: true }
  const first = firstDifference(readFileSync(golden, 'utf8'), trace, path.basename(golden))
  return first === null ? { file: name, ok: true } : { file: name, ok: false, first }
}

/** null: none. */
export function firstDifference(golden: string, trace: string, name: string): string | null {
  if (golden === trace) return null
  const [was, is] = [golden.split('\n'), trace.split('\n')]
  const at = was.findIndex((line, index) => line !== is[index])
  const line = at < 0 ? was.length : at
  return `${name}:${line + 1}: was "${was[line] ?? ''}", is "${is[line] ?? ''}"`
}

/** Our own scenarios. */
export const ownFolder = path.resolve(import.meta.dirname, '../scenarios')
