// Plain text tables: columns as wide as needed, empty ones left out, nothing after the last.
import { styleText } from 'node:util'
import { oneLine } from './visible.ts'

export type Column<Row> = {
  title: string
  value(row: Row): string
  align?: 'left' | 'right'
  /** Left out where no row has a value. */
  optional?: boolean
  colour?(row: Row): Colour | null
}
export type Colour = 'green' | 'yellow' | 'red' | 'dim'

/** Rows under a line of titles; `none` where there are no rows. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  if (rows.length === 0) return paint('dim', 'none')
  const shown = columns.filter(
    (column) => !column.optional || rows.some((row) => column.value(row) !== ''),
  )
  const cells = rows.map((row) => shown.map((column) => oneLine(column.value(row))))
  const widths = shown.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => (line[at] as string).length)),
  )
  const pad = (text: string, at: number) => {
    const width = widths[at] as number
    if (shown[at]?.align === 'right') return text.padStart(width)
    return at === shown.length - 1 ? text : text.padEnd(width)
  }
  const titles = shown.map((column, at) => pad(column.title, at)).join('  ')
  const lines = cells.map((line, row) =>
    line
      .map((text, at) => paint(shown[at]?.colour?.(rows[row] as Row) ?? null, pad(text, at)))
      .join('  ')
      .trimEnd(),
  )
  return [paint('dim', titles.trimEnd()), ...lines].join('\n')
}

/** Colours only where a person looks: on a terminal, and unless NO_COLOR asks not to. */
export function paint(colour: Colour | null, text: string): string {
  return colour === null ? text : styleText(colour, text, { stream: process.stdout })
}
