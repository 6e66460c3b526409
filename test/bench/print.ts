// Figures as lines for people. The same data with --json is one object.
import type { Figure, Target } from './figure.ts'
import type { Machine } from './machine.ts'

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGiB, kernel, node, postgres, fsync, fdatasyncMs } = machine
  return [
    `${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}, Node.js ${node}`,
    `Postgres ${postgres}, fsync ${fsync}, one fdatasync ${fdatasyncMs} ms`,
    `load average before: ${machine.loadBefore}`,
  ].join('\n')
}

export function figureLines(figures: Figure[]): string {
  const rows = figures.map((one) => [
    one.what,
    String(one.runs),
    ...[one.min, one.p50, one.p99, one.max].map(short),
    one.unit,
    one.targets.map(targetText).join(', '),
    one.verdict ?? '',
  ])
  const head = ['', 'runs', 'min', 'p50', 'p99', 'max', '', 'target', 'verdict']
  const table = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const isNumber = (column: number) => column >= 1 && column <= 5
  return table
    .map((row, index) => {
      const cells = row.map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      const note = index === 0 ? '' : (figures[index - 1]?.note ?? '')
      return `  ${cells.join('  ').trimEnd()}${note === '' ? '' : `\n      ${note}`}`
    })
    .join('\n')
}

function targetText({ of, is, limit }: Target): string {
  return `${of} ${is === 'at most' ? '≤' : '≥'} ${limit}`
}

function short(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}
