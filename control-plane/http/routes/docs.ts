// The API's own description: OpenAPI 3.1 made from the schemas that check requests, and pages to read it with.
// Everything is served from this machine; nothing is fetched from elsewhere, and the policy says so to the browser.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Env } from '../auth.ts'

const require = createRequire(import.meta.url)

/** The files of the reader, by the name they are served under. */
const files: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
})
`

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<noscript><p>This reader needs scripts. The description itself is at <a href="/openapi.json">/openapi.json</a>.</p></noscript>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

/** The reader sets styles on elements; scripts come from files only. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Adds /openapi.json and /docs to `app`, which holds the described routes. */
export function addDocs(app: OpenAPIHono<Env>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'An operator token, as npm start prints one or ha-manager token create makes one.',
  })
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: '1',
      description:
        'Operator API of a Holdfast control plane. Errors are problem+json with a code for machines. ' +
        'Writes take `?dryRun=true`; configuration has versions (ETag, If-Match); operations are commands to wait for.',
    },
    security: [{ token: [] }],
  })
  app.get('/docs', (c) => c.html(page, 200, { 'content-security-policy': policy }))
  app.get('/docs/start.js', (c) =>
    c.body(start, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  )
  app.get('/docs/:file', async (c) => {
    const file = c.req.param('file')
    const type = Object.hasOwn(files, file) ? files[file] : undefined
    if (type === undefined) return c.notFound()
    const folder = path.dirname(require.resolve('swagger-ui-dist/package.json'))
    return c.body(await readFile(path.join(folder, file)), 200, {
      'content-type': type,
      'cache-control': 'public, max-age=3600',
    })
  })
}
