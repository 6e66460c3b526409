// Lengths of time and moments, as people type and read them.
import { usage } from './failure.ts'

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90`, `1.5s`, `30m`, `12h`, `7d`; a bare number is in seconds. */
export function parseDurationMs(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim())
  if (!match)
    throw usage(
      `${what} must be a length of time like 30s, 5m, 12h or 7d, not ${JSON.stringify(text)}`,
    )
  return Math.round(Number(match[1]) * (unitMs[match[2] ?? 's'] as number))
}

/** `58.2 s`, `4 min 5 s`, `3 h 20 min`, `-1.0 s`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 100_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.round(minutes / 1_440)} days`
}

/** `14:30` (the next one), `+30m`, or a date and time; as ISO 8601 with its offset. */
export function parseMoment(text: string, now = new Date()): string {
  if (text.startsWith('+'))
    return new Date(now.getTime() + parseDurationMs(text.slice(1), '--at')).toISOString()
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text)
  if (clock) {
    const next = new Date(now)
    next.setHours(Number(clock[1]), Number(clock[2]), 0, 0)
    if (next <= now) next.setDate(next.getDate() + 1)
    return next.toISOString()
  }
  const moment = new Date(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(moment.getTime()))
    throw usage(
      `--at must be a time like 14:30, +30m or 2030-01-31T02:00, not ${JSON.stringify(text)}`,
    )
  if (moment <= now) throw usage(`--at ${text} has already passed`)
  return moment.toISOString()
}

/** Local time, with the date where it is not today. */
export function formatMoment(iso: string, now = new Date()): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return at.toDateString() === now.toDateString() ? time : `${date} ${time}`
}
