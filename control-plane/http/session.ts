// Sign-in of a browser to the status page. The cookie names a token and an end, signed with a key that only this token's
// stored hash gives: nothing is kept in memory, every replica can check it, and revoking the token ends it at once.
// Must never be accepted by /api: a page has nothing to write, so there is nothing to forge.
import { createHmac } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { sameHash } from '../store/secrets.ts'
import type { Actor } from './auth.ts'
import type { HttpDeps } from './deps.ts'

const cookie = 'holdfast_session'
const lastsS = 12 * 3600

/** Sets the cookie for the holder of `secret`; null: no such token. */
export async function signIn(deps: HttpDeps, c: Context, secret: string): Promise<Actor | null> {
  const found = await deps.store.rows.findActor({ secret })
  if (!found) return null
  const end = Math.floor(deps.clock.wallMs() / 1000) + lastsS
  const named = `${found.actor.tokenId}.${end}`
  setCookie(c, cookie, `${named}.${seal(named, found.hash)}`, {
    httpOnly: true,
    sameSite: 'Strict',
    path: '/',
    maxAge: lastsS,
    secure: isHttps(c),
  })
  return found.actor
}

/** Who is signed in; null: nobody, or no longer. */
export async function signedIn(deps: HttpDeps, c: Context): Promise<Actor | null> {
  const [tokenId, end, mark] = (getCookie(c, cookie) ?? '').split('.')
  if (!tokenId || !end || !mark || !/^[0-9a-f-]{36}$/.test(tokenId)) return null
  if (!(Number(end) * 1000 > deps.clock.wallMs())) return null
  const found = await deps.store.rows.findActor({ tokenId })
  return found && sameHash(mark, seal(`${tokenId}.${end}`, found.hash)) ? found.actor : null
}

export function signOut(c: Context): void {
  deleteCookie(c, cookie, { path: '/', secure: isHttps(c) })
}

/** The prefix keeps this use of the hash apart from every other. */
function seal(named: string, hash: string): string {
  return createHmac('sha256', `holdfast status page ${hash}`).update(named).digest('base64url')
}

/** Behind a proxy that ends TLS, the proxy says so. */
function isHttps(c: Context): boolean {
  return c.req.url.startsWith('https:') || c.req.header('x-forwarded-proto') === 'https'
}
