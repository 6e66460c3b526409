// Loaded before a part of the site (node --import): ends the process when the site that started it is gone, however it went.
import { fstatSync } from 'node:fs'

const patienceMs = 10_000

function endNow() {
  setTimeout(() => process.exit(1), patienceMs).unref()
  process.kill(process.pid, 'SIGTERM')
}

const stdin = fstatSync(0)
if (stdin.isFIFO() || stdin.isSocket()) {
  process.stdin.once('end', endNow).once('error', endNow)
  process.stdin.resume()
  // Waiting for the parent must not keep a process alive that has nothing else to do.
  const pipe = process.stdin as NodeJS.ReadStream & { unref?(): void }
  pipe.unref?.()
}
