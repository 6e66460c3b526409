// What a guest that boots from its network talks to: an address by DHCP, and a file by HTTP that never ends. So the guest's
// firmware holds one TCP connection open for as long as it lives. Says `open` and `closed` for each connection.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'

const server = '10.99.0.1'
const guest = '10.99.0.50'
const cookie = [0x63, 0x82, 0x53, 0x63]
const bytes = (address) => address.split('.').map(Number)

const dhcp = createSocket('udp4')
dhcp.on('message', (asked) => {
  const kind = optionOf(asked, 53)?.[0]
  // Discover is offered, request is acknowledged.
  const answer = kind === 1 ? 2 : kind === 3 ? 5 : null
  if (answer === null) return
  const head = Buffer.alloc(236)
  asked.copy(head, 0, 0, 44)
  head[0] = 2
  head.set(bytes(guest), 16)
  head.set(bytes(server), 20)
  const file = Buffer.from(`http://${server}/boot`)
  const options = [
    ...cookie,
    ...[53, 1, answer],
    ...[54, 4, ...bytes(server)],
    ...[51, 4, 0, 0, 14, 16],
    ...[1, 4, 255, 255, 255, 0],
    ...[67, file.length, ...file],
    255,
  ]
  dhcp.send(Buffer.concat([head, Buffer.from(options)]), 68, '255.255.255.255')
})
dhcp.bind(67, '0.0.0.0', () => dhcp.setBroadcast(true))

createServer((request, response) => {
  process.stdout.write('open\n')
  response.writeHead(200, { 'content-length': 10_000_000 })
  request.socket.setNoDelay(true)
  const timer = setInterval(() => response.write('#'.repeat(100)), 20)
  response.on('close', () => {
    clearInterval(timer)
    process.stdout.write('closed\n')
  })
}).listen(80, server)

function optionOf(message, wanted) {
  for (let at = 240; at < message.length && message[at] !== 255; ) {
    if (message[at] === 0) at++
    else if (message[at] === wanted) return message.subarray(at + 2, at + 2 + message[at + 1])
    else at += 2 + message[at + 1]
  }
}
