// Scheduling among the settings: how nodes are weighed, and when services are moved only to balance the load.
import { type Command, Option } from 'commander'
import type { Settings } from '../../../shared/settings.ts'
import { given, parseDecimal, parseYesNo } from '../option-value.ts'

type Flags = Record<string, string | undefined>

/** Adds the options of settings set. */
export function configuresScheduling(set: Command): void {
  set
    .addOption(
      new Option('--scheduling <mode>', 'what nodes are weighed by').choices([
        'basic',
        'static',
        'dynamic',
      ]),
    )
    .option('--rebalance-on-start <yes|no>', 'choose the best node at every start')
    .option('--auto-rebalance <yes|no>', 'move services while the load stays unbalanced')
    .addOption(
      new Option('--rebalance-method <method>', 'how a move is picked').choices([
        'bruteforce',
        'topsis',
      ]),
    )
    .option('--rebalance-threshold <n>', 'the imbalance that must be exceeded, such as 0.3')
    .option('--rebalance-hold <n>', 'for how many rounds of 10 s it must be exceeded')
    .option('--rebalance-margin <n>', 'the least improvement of a move, such as 0.1')
}

/** What was given, in the words of the plane; nothing where nothing was. */
export function schedulingWishes(flags: Flags): { scheduling?: Record<string, unknown> } {
  const { scheduling, rebalanceMethod } = flags
  const wishes: Record<string, unknown> = {
    ...(scheduling === undefined ? {} : { mode: scheduling }),
    ...given(flags, 'rebalanceOnStart', parseYesNo),
    ...given(flags, 'autoRebalance', parseYesNo),
    ...(rebalanceMethod === undefined ? {} : { method: rebalanceMethod }),
    ...given(flags, 'rebalanceThreshold', parseDecimal, 'threshold'),
    ...given(flags, 'rebalanceHold', parseDecimal, 'holdRounds'),
    ...given(flags, 'rebalanceMargin', parseDecimal, 'margin'),
  }
  return Object.keys(wishes).length === 0 ? {} : { scheduling: wishes }
}

/** Lines for people; how a move is picked only where moves are made. */
export function schedulingLines({ scheduling }: Settings): [string, string][] {
  const { mode, rebalanceOnStart, autoRebalance, method, threshold, holdRounds, margin } =
    scheduling
  const lines: [string, string][] = [
    ['scheduling', mode],
    ['rebalance on start', rebalanceOnStart ? 'yes' : 'no'],
    ['auto rebalance', autoRebalance ? 'yes' : 'no'],
  ]
  if (!autoRebalance) return lines
  return [
    ...lines,
    ['rebalance method', method],
    ['rebalance threshold', String(threshold)],
    ['rebalance hold', `${holdRounds} rounds`],
    ['rebalance margin', String(margin)],
  ]
}
