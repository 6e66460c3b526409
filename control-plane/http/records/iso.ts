// Moments as the API writes them: ISO 8601 in UTC, whatever the driver made of the column.

/** A timestamptz as text. Some clients hand out Dates, some the server's own text. */
export function iso(value: Date | string): string {
  return (value instanceof Date ? value : new Date(value)).toISOString()
}
