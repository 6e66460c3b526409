// Runs the command line tools as a person does: as programs, with an environment of their own.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { scratchFolder } from '../scratch.ts'

export const projectFolder = path.resolve(import.meta.dirname, '../..')
export const haManager = path.join(projectFolder, 'control-plane/cli/ha-manager')
const admin = path.join(projectFolder, 'control-plane/admin/main.ts')

/** Compiled code is kept there from one call to the next. */
const home = scratchFolder('cli')

export type Ran = { code: number | null; out: string; err: string }
type Environment = Record<string, string>

/** `ha-manager WORDS…`; nothing of the caller's context leaks in. */
export function runHaManager(words: string[], env: Environment = {}): Promise<Ran> {
  return run(haManager, words, env)
}

/** `npm run admin -- WORDS…`. */
export function runAdmin(words: string[], env: Environment = {}): Promise<Ran> {
  return run(process.execPath, [admin, ...words], env)
}

/** Any program, to its end. */
export function run(
  program: string,
  words: string[],
  env: Environment = {},
  cwd = '/',
): Promise<Ran> {
  const child = spawn(program, words, {
    cwd,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      HOLDFAST_HOME: home,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ran: Ran = { code: null, out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    ran.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    ran.err += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ ...ran, code }))
  })
}
