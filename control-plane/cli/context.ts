// Which plane to talk to, and as whom: flags, then environment, then the context file of a site on this machine.
// Must never send the token of a context file to another host than the one it was written for.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { unreachable, usage } from './failure.ts'

export type Context = {
  /** Tried in this order. */
  urls: string[]
  token: string | null
  /** null: the plane's only one. */
  cluster: string | null
}

export type ContextFlags = { url?: string; token?: string; cluster?: string }
type Environment = Record<string, string | undefined>
type ContextFile = { url?: string; token?: string; cluster?: string }

const projectFolder = path.resolve(import.meta.dirname, '../..')

/** Where the site of this machine keeps its things: HOLDFAST_HOME, `.holdfast` here, or `.holdfast` of the project. */
export function holdfastHome(env: Environment = process.env, folder = process.cwd()): string {
  if (env.HOLDFAST_HOME) return path.resolve(folder, env.HOLDFAST_HOME)
  const here = path.join(folder, '.holdfast')
  return existsSync(here) ? here : path.join(projectFolder, '.holdfast')
}

/** Flags win over environment, environment over the context file. */
export function findContext(
  flags: ContextFlags,
  env: Environment = process.env,
  folder = process.cwd(),
): Context {
  const file = readContextFile(path.join(holdfastHome(env, folder), 'context.json'))
  const url = flags.url ?? env.HOLDFAST_URL ?? file.url
  if (!url)
    throw unreachable('no plane is known', {
      code: 'no-context',
      advice:
        'Start one here with npm start, or set HOLDFAST_URL and HOLDFAST_TOKEN (or --url and --token).',
    })
  const urls = url.split(',').map((one) => checkUrl(one.trim()))
  const sameSite = file.url !== undefined && urls.every((one) => sameHost(one, file.url as string))
  return {
    urls,
    token: flags.token ?? env.HOLDFAST_TOKEN ?? (sameSite ? (file.token ?? null) : null),
    cluster: flags.cluster ?? env.HOLDFAST_CLUSTER ?? (sameSite ? (file.cluster ?? null) : null),
  }
}

function readContextFile(file: string): ContextFile {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return {}
    throw usage(`${file} cannot be read (${code})`, {
      code: 'context-unreadable',
      advice:
        'It belongs to whoever ran npm start; use that user, or set HOLDFAST_URL and HOLDFAST_TOKEN.',
    })
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as ContextFile
  } catch {
    // Said below.
  }
  throw usage(`${file} is not a context file`, {
    code: 'context-broken',
    advice: 'Remove it and run npm start again, or set HOLDFAST_URL and HOLDFAST_TOKEN.',
  })
}

function checkUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed && (parsed.protocol === 'http:' || parsed.protocol === 'https:'))
    return url.replace(/\/+$/, '')
  throw usage(`${url} is not an http or https address`, {
    advice: 'Give it like http://127.0.0.1:8420.',
  })
}

function sameHost(one: string, other: string): boolean {
  return URL.parse(one)?.hostname === URL.parse(other)?.hostname
}
