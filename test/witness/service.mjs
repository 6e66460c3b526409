// The test service: says in FILE when it starts, that it lives, and when it stops. Knows nothing of Holdfast but its marks.
// Options: `ignore-term` goes on after SIGTERM. While FILE.fail exists a start ends at once with exit code 1.
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'

const [file, ...options] = process.argv.slice(2)
const beatMs = 50

/** CLOCK_BOOTTIME in milliseconds: the fine monotonic clock plus what /proc/uptime is ahead of it, as after a suspend. */
function bootMs() {
  const fineMs = Number(process.hrtime.bigint() / 1000n) / 1000
  const uptime = readFileSync('/proc/uptime', 'latin1')
  const aheadMs = Number(uptime.slice(0, uptime.indexOf(' '))) * 1000 - fineMs
  return aheadMs > 20 ? fineMs + aheadMs : fineMs
}

const out = openSync(file, 'a')
const marks = {
  pid: process.pid,
  boot: process.env.HOLDFAST_NODE_BOOT ?? '',
  mark: process.env.HOLDFAST_SERVICE ?? '',
}
const say = (kind, atMs = bootMs()) =>
  writeSync(out, `${JSON.stringify({ kind, atMs: Math.round(atMs * 10) / 10, ...marks })}\n`)

// The process began before its first statement could run: performance.now() counts from there.
say('start', bootMs() - performance.now())
if (existsSync(`${file}.fail`)) {
  say('stop')
  process.exit(1)
}
setInterval(() => say('beat'), beatMs)

process.on('SIGTERM', () => {
  if (options.includes('ignore-term')) return
  say('stop')
  closeSync(out)
  process.exit(0)
})
