// What datacenter.cfg says about high availability: scheduling (crs), the shutdown policy (ha), workers, fencing.
import { Scheduling } from '../../../shared/scheduling.ts'
import type { Settings } from '../../../shared/settings.ts'
import { addNote, type Findings } from './findings.ts'
import { type Option, readOptions, readParts } from './property-string.ts'
import { readBoolean, readInteger, readNumber, readOneOf, type Value } from './read-value.ts'

export type ImportedSettings = {
  /** Where there is a line crs, it says all of it: what it does not name has its default. */
  scheduling?: Scheduling
  shutdownPolicy?: Settings['shutdownPolicy']
  maxWorkers?: number
}

const policies = ['conditional', 'freeze', 'failover', 'migrate'] as const

export function readDatacenter(text: string, findings: Findings): ImportedSettings {
  const options = readOptions(text, findings)
  const settings: ImportedSettings = {}
  const others: [string, Option][] = []
  for (const [name, option] of options) {
    if (name === 'crs') readScheduling(option, settings, findings)
    else if (name === 'ha') readPolicy(option, settings, findings)
    else if (name === 'max_workers') readWorkers(option, settings, findings)
    else if (name === 'fencing') noteFencing(option, findings)
    else others.push([name, option])
  }
  const [first] = others
  if (first)
    addNote(
      findings,
      first[1],
      others.map(([name]) => name).join(', '),
      'not about high availability: left out',
    )
  return settings
}

function readScheduling(option: Option, settings: ImportedSettings, findings: Findings): void {
  const scheduling = Scheduling.parse({})
  settings.scheduling = scheduling
  const assign = <K extends keyof Scheduling>(key: K, value: Scheduling[K] | undefined) => {
    if (value !== undefined) scheduling[key] = value
  }
  for (const [key, value] of readParts('crs', option, findings)) {
    switch (key) {
      case 'ha':
        assign('mode', readOneOf(value, ['basic', 'static', 'dynamic'] as const, findings))
        break
      case 'ha-rebalance-on-start':
        assign('rebalanceOnStart', readBoolean(value, findings))
        break
      case 'ha-auto-rebalance':
        assign('autoRebalance', readBoolean(value, findings))
        break
      case 'ha-auto-rebalance-method':
        assign('method', readOneOf(value, ['bruteforce', 'topsis'] as const, findings))
        break
      case 'ha-auto-rebalance-threshold':
        assign('threshold', readShare(value, 'threshold', findings))
        break
      case 'ha-auto-rebalance-hold-duration':
        assign('holdRounds', readInteger(value, 100_000, findings))
        break
      case 'ha-auto-rebalance-margin':
        assign('margin', readShare(value, 'margin', findings))
        break
      default:
        addNote(findings, value, 'crs', `${key} has no equal here: left out`)
    }
  }
  withoutIdleRebalancing(option, scheduling, findings)
}

/** Newer versions write percents: of so much nothing else can be meant. */
const isSurelyPercent = {
  threshold: (share: number) => share >= 5,
  margin: (share: number) => share > 1,
}
/** No improvement is more than the whole, and few clusters are so imbalanced. */
const perhapsPercent = 1

function readShare(
  value: Value,
  what: keyof typeof isSurelyPercent,
  findings: Findings,
): number | undefined {
  const share = readNumber(value, findings)
  if (share === undefined || share < perhapsPercent) return share
  const isPercent = isSurelyPercent[what](share)
  const taken = isPercent ? `percent, so as ${share / 100}` : 'it is, and not as percent'
  const why = `${value.key} ${share} is taken as ${taken}: see whether it still means what it did`
  addNote(findings, value, 'crs', why)
  return isPercent ? share / 100 : share
}

/** There, rebalancing in mode basic does nothing; here it is refused. */
function withoutIdleRebalancing(option: Option, scheduling: Scheduling, findings: Findings): void {
  if (!scheduling.autoRebalance || scheduling.mode !== 'basic') return
  scheduling.autoRebalance = false
  addNote(findings, option, 'crs', 'ha-auto-rebalance does nothing in mode basic: switched off')
}

function readPolicy(option: Option, settings: ImportedSettings, findings: Findings): void {
  for (const [key, value] of readParts('ha', option, findings)) {
    const policy = key === 'shutdown_policy' ? readOneOf(value, policies, findings) : undefined
    if (policy !== undefined) settings.shutdownPolicy = policy
    else if (key !== 'shutdown_policy')
      addNote(findings, value, 'ha', `${key} has no equal here: left out`)
  }
}

function readWorkers(option: Option, settings: ImportedSettings, findings: Findings): void {
  const { file, line, value } = option
  const given: Value = { file, line, about: 'max_workers', key: 'max_workers', value }
  const workers = readInteger(given, 64, findings)
  if (workers === undefined) return
  settings.maxWorkers = Math.max(1, workers)
  if (workers === 0) addNote(findings, option, 'max_workers', 'at least 1 here: set to 1')
}

function noteFencing(option: Option, findings: Findings): void {
  if (option.value === 'watchdog') return
  addNote(
    findings,
    option,
    'fencing',
    `${option.value} is not taken over: here the watchdog always fences, and fence devices are set up on their own`,
  )
}
