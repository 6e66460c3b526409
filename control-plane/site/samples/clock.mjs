// Appends a line to a file every second: the node, the process and the time. Two nodes in one second would show.
import { appendFileSync } from 'node:fs'

const [, , file] = process.argv
const node = process.env.HOLDFAST_NODE ?? 'an unknown node'
const write = (what) =>
  appendFileSync(file, `${new Date().toISOString()} ${node} ${process.pid} ${what}\n`)

write('start')
const timer = setInterval(() => write('tick'), 1000)
process.on('SIGTERM', () => {
  clearInterval(timer)
  write('stop')
})
