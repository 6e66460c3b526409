// What is wrong in a file of the old manager is named with its line and with what would be right; what has no equal here is
// noted; and what is right is read as the old manager meant it.
import { expect, test } from 'vitest'
import type { ImportFileName, ImportFiles } from '../../control-plane/intake/import/findings.ts'
import { readFiles } from '../../control-plane/intake/import/read-files.ts'

const faults = (files: ImportFiles) =>
  readFiles(files).findings.faults.map(({ file, line, message }) => [`${file}:${line}`, message])
const notes = (files: ImportFiles) =>
  readFiles(files).findings.notes.map(({ file, line, message }) => [`${file}:${line}`, message])

const resources = `# guests
vm: 100
	comment a%20small%C3%A4 100% box
	group web
	max_restart 3
	failback no

ct: 101
	state enabled
`

test('sections become services, with the defaults of the old manager', () => {
  expect(readFiles({ 'resources.cfg': resources })).toMatchObject({
    services: [
      {
        line: 2,
        sid: 'vm:100',
        requested: 'started',
        group: 'web',
        maxRestart: 3,
        maxRelocate: 1,
        failback: false,
        autoRebalance: true,
        comment: 'a smallä 100% box',
      },
      { line: 8, sid: 'ct:101', requested: 'started', group: null, failback: true, comment: '' },
    ],
    findings: { faults: [], notes: [] },
  })
})

test('groups and rules are read with their switches, and lists parted by commas or blanks', () => {
  const files = {
    'groups.cfg': 'group: web\n\tnodes n1:2,n2\n\trestricted\n\tnofailback 0\n',
    'rules.cfg': [
      'node-affinity: near\n\tnodes n1:5;n2 n3\n\tresources vm:100, ct:101, vm:100\n',
      'resource-affinity: apart\n\taffinity negative\n\tdisable\n\tresources vm:100,vm:102\n',
    ].join('\n'),
  }
  expect(readFiles(files)).toMatchObject({
    groups: [{ name: 'web', nodes: { n1: 2, n2: 0 }, restricted: true, nofailback: false }],
    rules: [
      {
        rule: {
          id: 'near',
          type: 'node-affinity',
          nodes: { n1: 5, n2: 0, n3: 0 },
          resources: ['vm:100', 'ct:101'],
          strict: false,
          disabled: false,
        },
      },
      { line: 5, rule: { id: 'apart', affinity: 'negative', disabled: true } },
    ],
    findings: { faults: [], notes: [] },
  })
})

test('a line about scheduling says all of it; what it does not name has its default', () => {
  const { settings, findings } = readFiles({
    'datacenter.cfg': 'keyboard: de\ncrs: ha=static, , ha-rebalance-on-start=1,\nmax_workers: 8\n',
  })
  expect(settings).toEqual({
    maxWorkers: 8,
    scheduling: {
      mode: 'static',
      rebalanceOnStart: true,
      autoRebalance: false,
      method: 'bruteforce',
      threshold: 0.3,
      holdRounds: 3,
      margin: 0.1,
    },
  })
  expect(findings.notes).toMatchObject([{ line: 1, about: 'keyboard' }])
  expect(readFiles({ 'datacenter.cfg': 'ha: shutdown_policy=migrate' }).settings).toEqual({
    shutdownPolicy: 'migrate',
  })
})

test('the moment of the old manager is told, not taken over', () => {
  const status = `{
  "node_status": { "n1": "online", "n2": "maintenance" },
  "service_status": {
    "vm:100": { "state": "started", "node": "n1", "uid": "x" },
    "vm:999": { "state": "stopped", "node": "n2" }
  },
  "node_request": { "n2": { "maintenance": 1 } },
  "disarm": { "mode": "freeze", "state": "disarmed" }
}`
  const read = readFiles({ 'resources.cfg': resources, manager_status: status })
  expect(read.seen.services.get('vm:100')).toEqual({ state: 'started', node: 'n1' })
  expect(notes({ 'resources.cfg': resources, manager_status: status })).toEqual([
    ['manager_status:7', expect.stringContaining('ha-manager node maintenance n2 on')],
    ['manager_status:8', expect.stringContaining('disarmed (freeze)')],
    ['manager_status:5', expect.stringContaining('not in resources.cfg: left out')],
  ])
})

test.each<[ImportFileName, string, number, string]>([
  ['resources.cfg', 'vm: 100\n\tstate running\n', 2, 'state must be one of started,'],
  ['resources.cfg', 'vm: 100\n\tmax_restart -1\n', 2, 'max_restart must be a whole number'],
  ['resources.cfg', 'vm: 100\n\tmax_relocate 1001\n', 2, 'from 0 to 1000'],
  ['resources.cfg', 'vm: 100\n\tfailback maybe\n', 2, 'failback must be 1, on, yes'],
  ['resources.cfg', 'vm: 100\n\tgroup 1st\n', 2, 'group name must be a letter'],
  ['resources.cfg', 'vm: 100\n\tcomment a%00b\n', 2, 'zero byte'],
  ['resources.cfg', 'vm: 5\n', 1, '5 is no number of two to nine digits'],
  ['resources.cfg', 'vm: 0100\n', 1, 'no number'],
  ['resources.cfg', '\n\nlxc: 100\n', 3, 'type lxc is not known: it must be vm or ct'],
  ['resources.cfg', 'vm: 100\n\nct: 100\n', 3, 'has a section already, in line 1'],
  ['resources.cfg', 'vm: 100\n\tgroup aa\n\tgroup bb\n', 3, 'was given already, in line 2'],
  ['resources.cfg', 'vm: 100\n\n\tgroup aa\n', 3, 'belongs to no section'],
  ['resources.cfg', 'vm: 100\nstate started\n', 2, 'must be a section like "vm: 100"'],
  ['groups.cfg', 'group: web\n\trestricted 1\n', 1, 'nodes is missing'],
  ['groups.cfg', 'group: web\n\tnodes\n', 2, 'nodes must name at least one node'],
  ['groups.cfg', 'group: web\n\tnodes n1:x\n', 2, '("n1:x": is not one)'],
  ['groups.cfg', 'group: web\n\tnodes n1,PVE2:1\n', 2, '("PVE2:1": node name must be lower-case'],
  ['groups.cfg', 'group: web\n\tnodes n1:1001\n', 2, 'priorities from 0 to 1000'],
  ['groups.cfg', 'group: w\n\tnodes n1\n', 1, 'its name must be a letter'],
  ['groups.cfg', 'vm: 100\n\tnodes n1\n', 1, 'begins with group:'],
  ['rules.cfg', 'location: r1\n', 1, 'it must be node-affinity or resource-affinity'],
  ['rules.cfg', 'node-affinity: r1\n\tresources vm:100\n', 1, 'nodes is missing'],
  ['rules.cfg', 'node-affinity: r1\n\tnodes n1\n', 1, 'resources is missing'],
  ['rules.cfg', 'node-affinity: r1\n\tnodes n1\n\tresources 100\n', 3, 'like vm:100,ct:101'],
  ['rules.cfg', 'resource-affinity: r1\n\tresources vm:100\n', 1, 'affinity is missing'],
  [
    'rules.cfg',
    'resource-affinity: r1\n\taffinity near\n\tresources vm:100\n',
    2,
    'one of positive',
  ],
  ['datacenter.cfg', 'crs: ha=clever\n', 1, 'ha must be one of basic, static, dynamic'],
  ['datacenter.cfg', '\ncrs: static\n', 2, 'must be like key=value'],
  ['datacenter.cfg', 'crs: ha=basic,ha=static\n', 1, 'ha is given twice'],
  ['datacenter.cfg', 'crs: ha=static,ha-auto-rebalance-margin=-1', 1, 'not negative'],
  ['datacenter.cfg', 'ha: shutdown_policy=leave\n', 1, 'one of conditional, freeze'],
  ['datacenter.cfg', 'max_workers: many\n', 1, 'a whole number from 0 to 64'],
  ['datacenter.cfg', 'just text\n', 1, 'must be like "crs: ha=static"'],
  ['datacenter.cfg', 'ha: shutdown_policy=freeze\nha: shutdown_policy=freeze\n', 2, 'in line 1'],
  ['manager_status', '{\n "node_status": }', 2, 'must be JSON'],
  ['manager_status', '[]', 1, 'must be a JSON object'],
  ['manager_status', '{\n"service_status": {\n"vm:100": {"node": "n1"}}}', 3, 'its state must be'],
  ['manager_status', '{\n"node_request": 5}', 2, 'must be an object'],
])('%s: %j is a fault in line %i', (file, text, line, message) => {
  expect(faults({ [file]: text })).toEqual([[`${file}:${line}`, expect.stringContaining(message)]])
})

test('a comment has an end', () => {
  const comment = (length: number) => ({
    'resources.cfg': `vm: 100\n\tcomment ${'x'.repeat(length)}\n`,
  })
  expect(faults(comment(4096))).toEqual([])
  expect(faults(comment(4097))).toEqual([
    ['resources.cfg:2', expect.stringContaining('at most 4096 characters')],
  ])
})

test.each<[ImportFileName, string, number, string]>([
  ['resources.cfg', 'vm: 100\n\tnofreeze 1\n', 2, 'nofreeze has no equal here: left out'],
  [
    'rules.cfg',
    'node-affinity: r1\n\tnodes n1\n\tresources vm:100\n\tdisable 0\n',
    4,
    'disabled all the same',
  ],
  ['datacenter.cfg', 'fencing: hardware\n', 1, 'the watchdog always fences'],
  [
    'datacenter.cfg',
    'crs: ha=static,ha-auto-rebalance-threshold=30\n',
    1,
    'taken as percent, so as 0.3',
  ],
  // Of an improvement there is no more than the whole.
  [
    'datacenter.cfg',
    'crs: ha=static,ha-auto-rebalance-margin=3\n',
    1,
    'taken as percent, so as 0.03',
  ],
  [
    'datacenter.cfg',
    'crs: ha=static,ha-auto-rebalance-threshold=2\n',
    1,
    'taken as it is, and not as percent',
  ],
  ['datacenter.cfg', 'crs: ha-auto-rebalance=1\n', 1, 'switched off'],
  ['datacenter.cfg', 'crs: ha=static,ha-colour=red\n', 1, 'ha-colour has no equal here'],
  ['datacenter.cfg', 'max_workers: 0\n', 1, 'set to 1'],
])('%s: %j is noted', (file, text, line, message) => {
  expect(faults({ [file]: text })).toEqual([])
  expect(notes({ [file]: text })).toEqual([[`${file}:${line}`, expect.stringContaining(message)]])
})
