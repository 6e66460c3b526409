// A round as compressed text, for its journal row, and back. What is large is written in pieces: no piece keeps the
// thread longer than about a millisecond, and the compression runs beside it.
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

/** The fastest level: its size is within a fifth of the smallest one here, at a quarter of the time. */
const level = 1
/** An honest view of the largest cluster has 10 MB; what grows beyond this is none of ours. */
const mostBytes = 256 * 1024 * 1024
const unzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)

/** How many entries of large fields make one piece. */
const pieces = {
  nodes: 5,
  services: 150,
  rules: 100,
  usages: 2_000,
  changes: 250,
  serviceNotes: 500,
} as const

/** At once: for what takes no time. */
export function packAtOnce(value: object): Buffer {
  return zlib.gzipSync(JSON.stringify(value), { level })
}

/** In pieces, with everybody's turn in between. */
export async function packInPieces(value: object): Promise<Buffer> {
  const gzip = zlib.createGzip({ level })
  const chunks: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = once(gzip, 'end')
  for (const piece of piecesOf(value)) {
    if (!gzip.write(piece)) await once(gzip, 'drain')
    await setImmediate()
  }
  gzip.end()
  await ended
  return Buffer.concat(chunks)
}

/** What was packed, as it was. */
export async function unpack<T>(packed: Buffer): Promise<T> {
  const text = await unzip(packed, { maxOutputLength: mostBytes })
  return JSON.parse(text.toString('utf8')) as T
}

/** The JSON of `value`, piece by piece; together exactly what `JSON.stringify` makes of it. */
export function* piecesOf(value: object): Generator<string> {
  let separator = '{'
  for (const [field, part] of Object.entries(value) as [string, unknown][]) {
    if (part === undefined) continue
    const head = `${separator}${JSON.stringify(field)}:`
    separator = ','
    const size = (pieces as Record<string, number>)[field]
    if (size === undefined || typeof part !== 'object' || part === null) {
      yield head + JSON.stringify(part)
    } else if (Array.isArray(part)) {
      yield `${head}[`
      yield* slices(part, size, (slice) => slice)
      yield ']'
    } else {
      yield `${head}{`
      yield* slices(Object.entries(part), size, (slice) => Object.fromEntries(slice) as object)
      yield '}'
    }
  }
  yield separator === '{' ? '{}' : '}'
}

/** Without the brackets of each slice, and with commas between them. */
function* slices<T>(all: T[], size: number, valueOf: (slice: T[]) => object): Generator<string> {
  for (let from = 0; from < all.length; from += size) {
    const inside = JSON.stringify(valueOf(all.slice(from, from + size))).slice(1, -1)
    yield from === 0 ? inside : `,${inside}`
  }
}
