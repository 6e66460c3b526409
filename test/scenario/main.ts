// `npm run -s scenario -- [--update] [FILE…]`: plays scenarios and prints one JSON line for each. Without files: all of our own.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { playFile } from '../conformance/run.ts'
import { kindOf } from './kind-of.ts'
import { ownFolder, playTextFile } from './play.ts'

const given = process.argv.slice(2)
const update = given.includes('--update')
const named = given.filter((word) => word !== '--update')
const files = named.length > 0 ? named : own()

for (const file of files) {
  try {
    const result = await play(file)
    process.stdout.write(`${JSON.stringify(result)}\n`)
    if ('ok' in result && !result.ok) process.exitCode = 1
  } catch (error) {
    console.error(`${file}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function play(file: string) {
  const content = kindOf(readFileSync(file, 'utf8'))
  return content.kind === 'recording'
    ? (await playFile(file)).played
    : await playTextFile(file, content.text, update)
}

function own(): string[] {
  return readdirSync(ownFolder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => path.join(ownFolder, name))
}
