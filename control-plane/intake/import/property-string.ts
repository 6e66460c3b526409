// Property strings of datacenter.cfg, `key=value,key=value`, and the lines that carry them, `option: value`.
import { addFault, type Findings, type Place } from './findings.ts'
import type { Value } from './read-value.ts'
import { linesOf, quoted } from './section-file.ts'

export type Option = Place & { value: string }

/** The options of datacenter.cfg by name. */
export function readOptions(text: string, findings: Findings): Map<string, Option> {
  const options = new Map<string, Option>()
  for (const [index, raw] of linesOf(text).entries()) {
    const at = { file: 'datacenter.cfg' as const, line: index + 1 }
    if (/^\s*(#|$)/.test(raw)) continue
    const [, name, value = ''] = /^\s*([^\s:]+):\s*(.*?)\s*$/.exec(raw) ?? []
    if (name === undefined)
      addFault(findings, at, '', `must be like "crs: ha=static", not ${quoted(raw)}`)
    else if (options.has(name))
      addFault(findings, at, name, `was given already, in line ${options.get(name)?.line}`)
    else options.set(name, { ...at, value })
  }
  return options
}

/** The parts of a property string by key; what stands between two commas may be nothing, as in the reference. */
export function readParts(name: string, option: Option, findings: Findings): Map<string, Value> {
  const parts = new Map<string, Value>()
  const given = option.value.split(',').map((one) => one.trim())
  for (const part of given.filter(Boolean)) {
    const [, key, value = ''] = /^([\w-]+)\s*=\s*(.*)$/.exec(part) ?? []
    const { file, line } = option
    if (key === undefined)
      addFault(findings, option, name, `must be like key=value,key=value, not ${quoted(part)}`)
    else if (parts.has(key)) addFault(findings, option, name, `${key} is given twice`)
    else parts.set(key, { file, line, about: name, key, value })
  }
  return parts
}
