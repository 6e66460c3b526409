// What an import did or would do, for people: what came, how it was there, and what has no equal here.
import type { ImportBody } from '../../shared/operator-api.ts'
import { formatTable } from './table.ts'

type Service = ImportBody['services'][number]
type DryRun = { would: { body: ImportBody } }

/** `missing`: files that were not there; `dryRun`: the answer is what would be. */
export function formatImport(
  answer: ImportBody | DryRun,
  missing: string[],
  dryRun: boolean,
): string {
  const body = 'would' in answer ? answer.would.body : answer
  return [
    `${dryRun ? 'Nothing was changed. It would import' : 'Imported'} ${summary(body)}.`,
    ...(missing.length > 0 ? [`Not there: ${missing.join(', ')}.`] : []),
    ...(body.services.length > 0 ? ['', services(body.services)] : []),
    ...(body.notes.length > 0 ? ['', ...notes(body.notes)] : []),
    ...advice(body, dryRun),
  ].join('\n')
}

function summary({ groups, services: all, rules, settings }: ImportBody): string {
  const disabled = rules.filter((rule) => rule.disabled).length
  const parts = [
    count(groups.length, 'group'),
    count(all.length, 'service'),
    `${count(rules.length, 'rule')}${disabled > 0 ? ` (${disabled} disabled)` : ''}`,
  ]
  const changed = Object.keys(settings)
  return [...parts, ...(changed.length > 0 ? [`settings ${changed.join(', ')}`] : [])].join(', ')
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function services(all: Service[]): string {
  return formatTable(all, [
    { title: 'SERVICE', value: ({ sid }) => sid },
    { title: 'REQUESTED', value: ({ requested }) => requested },
    { title: 'REQUESTED THERE', value: ({ there }) => there.requested },
    {
      title: 'STATE THERE',
      value: ({ there: { state, node } }) => (state ? `${state} on ${node ?? 'no node'}` : ''),
      optional: true,
    },
    { title: 'NODE', value: ({ node }) => node ?? '', optional: true },
  ])
}

function notes(all: ImportBody['notes']): string[] {
  return all.map(
    ({ file, line, about, message }) => `${file}:${line} ${about ? `${about}: ` : ''}${message}`,
  )
}

function advice({ services: all }: ImportBody, dryRun: boolean): string[] {
  const waiting = all.find(
    ({ requested, there }) => requested === 'ignored' && there.requested !== 'ignored',
  )
  if (!waiting || dryRun) return []
  return [
    '',
    'Nothing was started, stopped or moved: what is ignored is left alone. Once the old manager has let go of a service:',
    `  ha-manager set ${waiting.sid} --state ${waiting.there.requested}`,
  ]
}
