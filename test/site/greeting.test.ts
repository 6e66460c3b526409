// What `npm start` suggests must work on the site as it stands: its services, its nodes, where they are.
import { expect, test } from 'vitest'
import { type Greeting, greeting } from '../../control-plane/site/greeting.ts'

const record = { format: 1 as const, samplesCreated: true, webPort: null, postgresPort: null }

function suggested(more: Pick<Greeting, 'nodes' | 'services'>): string[] {
  const text = greeting({
    context: { url: 'http://127.0.0.1:8420', token: 't', cluster: 'local', isNew: false },
    folder: {
      home: '/srv/site',
      record: { ...record, nodes: more.nodes.length, pid: null },
      wasKilled: false,
      save() {},
    },
    online: more.nodes.length,
    profile: 'fast',
    powerLossToStartMs: 11_000,
    ...more,
  })
  const lines = text.split('\n').filter((line) => line.includes('npm run ha-manager'))
  return lines.map((line) => line.slice(line.indexOf('--') + 3).split('   ')[0] as string)
}

const at = (sid: string, node: string) => ({ sid, node, state: 'started' })

test.each([
  ['with the samples', ['n1', 'n2', 'n3'], [at('process:clock', 'n1'), at('process:web', 'n2')]],
  ['without services', ['n1', 'n2'], []],
  ['on one node', ['n1'], [at('process:web', 'n1')]],
  ['on one node without services', ['n1'], []],
])('five commands are suggested, about what is there (%s)', (_, nodes, services) => {
  const commands = suggested({ nodes, services })
  expect(commands).toHaveLength(5)
  const added = commands.flatMap((command) => /^add (\S+)/.exec(command)?.[1] ?? [])
  const known = [...services.map(({ sid }) => sid), ...added]
  for (const command of commands) {
    const [, sid] = /(process:\S+)/.exec(command) ?? []
    if (sid) expect(known).toContain(sid)
    const [, node] = / (n\d)$/.exec(command) ?? []
    if (node) expect(nodes).toContain(node)
  }
})

test('a service is moved to where it is not', () => {
  const web = at('process:web', 'n2')
  const commands = suggested({ nodes: ['n1', 'n2'], services: [web] })
  expect(commands).toContain('relocate process:web n1')
})
