// Stands in for the agent in the supervisor's tests: it does with the watchdog what files in its folder tell it.
//   arm    timeout in ms: armed with it as soon as the file is there
//   feed   fed while the file is there, and armed
// SIGUSR2 closes the watchdog with V. SIGTERM ends the agent and leaves its service; SIGINT ends both.
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'

const home = process.argv[process.argv.indexOf('--home') + 1]
const url = process.argv[process.argv.indexOf('--url') + 1]
const file = (name) => join(home, name)

// A service that has left the session, and whose parent ends at once.
const service = `setsid sh -c 'trap "" TERM HUP; while :; do echo $$ >>"${file('service.log')}"; sleep 0.05; done' & echo $!`
const parent = spawn('sh', ['-c', service], {
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
})
let servicePid = null
parent.stdout.once('data', (text) => {
  servicePid = Number(text)
  const facts = { bootId: process.env.HOLDFAST_BOOT_ID, pid: process.pid, servicePid }
  appendFileSync(file('starts.jsonl'), `${JSON.stringify(facts)}\n`)
})

let fd = null
setInterval(() => {
  if (fd === null && existsSync(file('arm'))) {
    fd = openSync(process.env.HOLDFAST_WATCHDOG_FIFO, constants.O_WRONLY | constants.O_NONBLOCK)
    writeSync(fd, `T${readFileSync(file('arm'), 'utf8').trim()}\n`)
  } else if (fd !== null && existsSync(file('feed'))) writeSync(fd, '.\n')
}, 30)

// Asks the plane as often as it answers, so that a test can see which way the wire works.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const ask = () => {
  const request = http.get(`${url}/ask`, { agent, timeout: 0 }, (response) => {
    response.resume()
    response.on('end', () => {
      appendFileSync(file('answers'), '.')
      setTimeout(ask, 20)
    })
  })
  request.on('error', () => setTimeout(ask, 50))
}
ask()

const close = () => {
  if (fd === null) return
  writeSync(fd, 'V\n')
  closeSync(fd)
  fd = null
}
process.on('SIGUSR2', close)
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => {
  close()
  if (servicePid) process.kill(servicePid, 'SIGKILL')
  process.exit(0)
})
