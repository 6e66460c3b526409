// What of a host's enabled units is named as what a resource agent runs: that is told, and nothing else.
import { expect, test } from 'vitest'
import { enabledFor, unitsIn } from '../../../agent/drivers/ocf/enabled-units.ts'

const units = unitsIn(`nginx.service            enabled enabled
postgresql@15-main.service enabled enabled
nginx-debug.service      enabled enabled
docker.service           enabled enabled
ssh.service              enabled enabled
backup.timer             enabled enabled
`)
const ocf = (agent: string, parameters: object = {}) => [
  { sid: 'ocf:web', spec: { agent, parameters } },
]
const found = (agent: string, parameters: object = {}) =>
  enabledFor(ocf(agent, parameters), units).map(({ unit }) => unit)

test('a unit of the agent’s own name is told, with the service and the agent', () => {
  expect(enabledFor(ocf('ocf:heartbeat:nginx'), units)).toEqual([
    { sid: 'ocf:web', agent: 'ocf:heartbeat:nginx', unit: 'nginx.service' },
  ])
})

test('so is an instance, one that has another name than its agent, and one named as a program in the parameters', () => {
  expect(found('ocf:heartbeat:pgsql')).toEqual(['postgresql@15-main.service'])
  expect(found('ocf:heartbeat:anything', { binfile: '/usr/local/bin/backup' })).toEqual([
    'backup.timer',
  ])
})

test('members of a group are looked for, each', () => {
  const members = [
    { name: 'db', agent: 'ocf:heartbeat:pgsql' },
    { name: 'web', agent: 'ocf:heartbeat:nginx', parameters: { port: '80' } },
  ]
  const told = enabledFor([{ sid: 'ocf-group:site', spec: { members } }], units)
  expect(told.map(({ unit }) => unit)).toEqual(['postgresql@15-main.service', 'nginx.service'])
})

test('a daemon that an agent only needs, and services of other kinds, are none of it', () => {
  expect(found('ocf:heartbeat:docker')).toEqual([])
  expect(found('ocf:heartbeat:IPaddr2', { ip: '192.0.2.7' })).toEqual([])
  expect(enabledFor([{ sid: 'systemd:nginx', spec: {} }], units)).toEqual([])
})
