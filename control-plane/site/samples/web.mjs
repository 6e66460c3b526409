// A tiny web server that says where it runs. PORT says where it listens.
import { createServer } from 'node:http'

const port = Number(process.env.PORT)
const node = process.env.HOLDFAST_NODE ?? 'an unknown node'
const since = new Date().toISOString()

createServer((request, response) => {
  console.log(`${new Date().toISOString()} ${request.method} ${request.url}`)
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`process:web runs on ${node} as process ${process.pid}, since ${since}\n`)
})
  .on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
  .listen(port, '127.0.0.1', () => console.log(`${since} on ${node}: http://127.0.0.1:${port}`))
