// Guarantees about looking: the stream of events misses nothing, the description matches the routes, and the page can be
// read without scripts, by those only who signed in.
import { beforeAll, describe, expect, test } from 'vitest'
import { addNode, service, testApi } from './harness.ts'

const api = testApi()

beforeAll(async () => {
  await addNode(api, 'n1')
  await api.ask('POST', '/services', service('web'))
})

async function log(sid: string | null, line: string, node: string | null = null) {
  await api.sql`
    insert into change_log (cluster_id, round, at, kind, sid, node, line, why, change)
    values (${api.clusterId}, 1, clock_timestamp(), 'service.state', ${sid}, ${node}, ${line}, 'w',
      '{}')`
  await api.sql`select pg_notify('holdfast_events', ${String(api.clusterId)})`
}

async function stream(query: string, headers: Record<string, string> = {}) {
  const secret = await api.token('viewer', api.clusterId)
  const stop = new AbortController()
  const response = await api.app.request(`/api/v1/clusters/lab/events/stream${query}`, {
    headers: { authorization: `Bearer ${secret}`, ...headers },
    signal: stop.signal,
  })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  return {
    response,
    /** Reads on until the text so far contains `wanted`. */
    async until(wanted: string) {
      while (!text.includes(wanted)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended at: ${text}`)
        text += new TextDecoder().decode(value)
      }
      return text
    },
    close: () => reader.cancel(),
  }
}

describe('events', () => {
  test('are listed from the newest back, or on from a given one', async () => {
    for (const one of ['one', 'two', 'three']) await log('process:web', one)
    await log('process:other', 'four')
    const newest = await api.ask('GET', '/events?limit=2')
    expect(newest.body.map((event: { line: string }) => event.line)).toEqual(['three', 'four'])
    const [first] = (await api.ask('GET', '/events')).body
    const next = await api.ask('GET', `/events?since=${first.id}&sid=process:web`)
    expect(next.body.map((event: { line: string }) => event.line)).toEqual(['two', 'three'])
    expect((await api.ask('GET', '/events?limit=0')).status).toBe(422)
  })

  test('stream as they happen, and go on where a client left off', async () => {
    const live = await stream('')
    expect(live.response.headers.get('content-type')).toContain('text/event-stream')
    await live.until('retry: 1000')
    await log('process:web', 'five')
    const text = await live.until('"five"')
    expect(text).not.toContain('"four"')
    await live.close()
    await log('process:web', 'six')
    const id = /id: (\d+)/.exec(text)?.[1] ?? ''
    const resumed = await stream('', { 'last-event-id': id })
    expect(await resumed.until('"six"')).not.toContain('"five"')
    await resumed.close()
  })
})

describe('why', () => {
  test('tells the story oldest first, and nothing about what never was', async () => {
    const { body } = await api.ask('GET', '/why/process:web')
    expect(body).toMatchObject({ subject: 'process:web', now: 'process:web is queued' })
    expect(body.story[0].line).toBe('one')
    expect((await api.ask('GET', '/why/process:never')).body.code).toBe('unknown-subject')
    expect((await api.ask('GET', '/why/n1')).body.now).toContain('n1 is online')
    expect((await api.ask('GET', '/why/n9')).status).toBe(404)
  })
})

describe('the description', () => {
  test('is OpenAPI 3.1 and names every route of the API', async () => {
    const response = await api.app.request('/openapi.json')
    const document = (await response.json()) as any
    expect(document.openapi).toBe('3.1.0')
    const described = new Set(
      Object.entries<object>(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      ),
    )
    const routes = api.app.routes
      .filter(({ path, method }) => path.startsWith('/api/') && method !== 'ALL')
      .map(({ path, method }) => `${method} ${path.replace(/:([a-z]+)/gi, '{$1}')}`)
    expect(routes.length).toBeGreaterThan(30)
    for (const route of routes) expect(described).toContain(route)
    for (const methods of Object.values<Record<string, any>>(document.paths))
      for (const { requestBody, summary } of Object.values(methods)) {
        expect(summary).toBeTruthy()
        if (requestBody && !requestBody.content['application/json'].schema.properties?.timeoutMs)
          expect(requestBody.required).toBe(true)
      }
  })

  test('its reader comes from this machine alone', async () => {
    const page = await api.app.request('/docs')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const text = await page.text()
    for (const [, address] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(address).toMatch(/^\//)
      expect((await api.app.request(address as string)).status).toBe(200)
    }
    expect((await api.app.request('/docs/package.json')).status).toBe(404)
    expect((await api.app.request('/docs/..%2Fpackage.json')).status).toBe(404)
  })
})

describe('health', () => {
  test('is open to everyone', async () => {
    expect((await api.app.request('/healthz')).status).toBe(200)
    expect((await api.app.request('/readyz')).status).toBe(200)
  })
})

describe('the status page', () => {
  const form = (body: Record<string, string>, headers: Record<string, string> = {}) => ({
    method: 'POST',
    body: new URLSearchParams(body).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'http://localhost',
      ...headers,
    },
  })
  const signIn = async (secret: string) => {
    const answer = await api.app.request('http://localhost/sign-in', form({ token: secret }))
    return { answer, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' }
  }

  test('asks for a token and shows nothing before', async () => {
    const page = await api.app.request('/')
    expect(await page.text()).toContain('Operator token')
    expect((await api.app.request('/status/fragment')).status).toBe(401)
    expect((await api.app.request('/status/events')).status).toBe(401)
    const { answer, cookie } = await signIn('hfo_wrong-wrong-wrong')
    expect([answer.status, cookie]).toEqual([401, ''])
  })

  test('signs in with a strict cookie, shows everything without scripts, and escapes it', async () => {
    await log('process:web', 'six <script>alert(1)</script>')
    await api.sql`
      insert into rule (cluster_id, id, position, type, resources, affinity)
      values (${api.clusterId}, 'lonely', 1, 'resource-affinity', '["process:web"]', 'negative')`
    const { answer, cookie } = await signIn(await api.token('viewer', api.clusterId))
    expect(answer.status).toBe(303)
    expect(answer.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict$/)
    const page = await api.app.request('/', { headers: { cookie } })
    const policy = page.headers.get('content-security-policy')
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toContain('unsafe')
    const text = await page.text()
    for (const word of [
      'process:web',
      'queued',
      'n1',
      'online',
      'six &lt;script&gt;',
      'rule lonely is ignored: it names fewer than two services',
      'http-equiv="refresh"',
    ])
      expect(text).toContain(word)
    expect(text).not.toMatch(/<script>|\sstyle=|\son\w+=/)
  })

  test('its cookie opens no door of the API, ends with its token and cannot be made up', async () => {
    const made = await api.ask('POST', '/tokens', { name: 'p', role: 'admin', cluster: 'lab' })
    const { cookie } = await signIn(made.body.secret)
    const asApi = await api.app.request('/api/v1/clusters/lab/status', { headers: { cookie } })
    expect(asApi.status).toBe(401)
    const fragment = (value: string) =>
      api.app.request('/status/fragment', { headers: { cookie: value } })
    expect((await fragment(cookie)).status).toBe(200)
    expect(
      (await fragment(cookie.replace(/.$/, '') + (cookie.endsWith('A') ? 'B' : 'A'))).status,
    ).toBe(401)
    const [name, value] = cookie.split('=')
    const [id, , mark] = (value ?? '').split('.')
    expect((await fragment(`${name}=${id}.9999999999.${mark}`)).status).toBe(401)
    await api.ask('DELETE', `/tokens/${made.body.id}`)
    expect((await fragment(cookie)).status).toBe(401)
  })

  test('another site cannot sign a browser in', async () => {
    const secret = await api.token('viewer', null)
    const answer = await api.app.request(
      'http://localhost/sign-in',
      form({ token: secret }, { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' }),
    )
    expect(answer.status).toBe(403)
    expect(answer.headers.get('set-cookie')).toBeNull()
  })
})
