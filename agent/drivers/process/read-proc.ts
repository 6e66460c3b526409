// Reading files of /proc, hundreds in a row: into one buffer that is kept. A buffer of its own for each of them is memory
// that an idle agent would hold until its next collection, megabytes of it.
import { closeSync, openSync, readSync } from 'node:fs'

const buffer = Buffer.allocUnsafeSlow(16 * 1024)

/** The whole file as latin1; throws what `openSync` and `readSync` throw. */
export function readProc(path: string): string {
  const file = openSync(path, 'r')
  try {
    let text = ''
    // What the kernel has ready comes in one piece, and only an end is an end: a short piece may be followed by more.
    for (;;) {
      const bytes = readSync(file, buffer, 0, buffer.length, null)
      if (bytes === 0) return text
      text += buffer.toString('latin1', 0, bytes)
    }
  } finally {
    closeSync(file)
  }
}
