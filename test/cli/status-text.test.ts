// What ha-manager status and admin status print.
import { describe, expect, test } from 'vitest'
import { formatStatus, formatStatusLines } from '../../control-plane/cli/status-text.ts'
import type { Status } from '../../shared/operator-api.ts'

const node: Status['nodes'][number] = {
  name: 'n1',
  uid: '0',
  state: 'online',
  leaseRemainingMs: 58_240,
  mode: 'active',
  lrmState: 'active',
  epoch: 3,
  watchdog: {
    class: 'simulated',
    identity: 'simulated',
    effectiveMs: 10_000,
    armed: true,
    protects: true,
  },
  activeServices: 1,
  services: 1,
  virtual: false,
  maintenanceRequested: false,
  note: '',
}
const service: Status['services'][number] = {
  sid: 'process:web',
  requested: 'started',
  state: 'started',
  crmState: 'started',
  node: 'n1',
  target: null,
  running: true,
  generation: 7,
  failedNodes: [],
  fallbackNode: null,
  note: '',
}
const status: Status = {
  cluster: { name: 'lab', uuid: 'u', development: true },
  quorum: { quorate: true, policy: 'plane', reporting: 1, nodes: 2 },
  crm: { replica: 'plane-1', round: 12, lastRoundMsAgo: 200, planeEpoch: 1, quarantine: null },
  fencing: { state: 'armed', mode: null, waitsFor: '' },
  profile: 'default',
  nodes: [
    node,
    {
      ...node,
      name: 'n2',
      state: 'fence',
      leaseRemainingMs: -10,
      services: 1,
      watchdog: { ...node.watchdog, protects: false },
      note: 'waits for evidence',
    },
  ],
  services: [
    service,
    {
      ...service,
      sid: 'process:clock',
      state: 'relocate',
      target: 'n2',
      running: false,
      generation: null,
      failedNodes: ['n1', 'n3'],
    },
  ],
  ignoredRules: [],
  nMinusOne: { services: 0, unprotected: [] },
  jobs: [],
  schedules: [{ job: 'sweep', cron: '* * * * *' }],
  replicas: [],
}

describe('status', () => {
  test('shows quorum, CRM, lease countdowns, watchdogs and services in columns', () => {
    expect(formatStatus(status)).toBe(
      [
        'quorum  OK (policy plane, 1 of 2 nodes reporting)',
        'crm     plane-1 (round 12, 0.2 s ago, plane epoch 1)',
        'cluster lab (profile default, development)',
        'fencing armed',
        'N-1     nothing runs that could be lost',
        '',
        'NODE  STATE    LEASE  MODE    WATCHDOG                           SERVICES  NOTE',
        'n1    online  58.2 s  active  simulated 10.0 s, armed                   1',
        'n2    fence     over  active  simulated 10.0 s, armed, no proof         1  waits for evidence',
        '',
        'SERVICE        REQUESTED  STATE     NODE     RUNNING  GENERATION  FAILED ON',
        'process:web    started    started   n1       yes               7',
        'process:clock  started    relocate  n1 → n2  no                -  n1,n3',
        '',
        'SCHEDULED  ABOUT         WHEN',
        'sweep      all clusters  cron * * * * *',
      ].join('\n'),
    )
  })

  test('does not call the watchdog of a node that died armed released', () => {
    const [node] = status.nodes
    const watchdog = { ...node!.watchdog, armed: false, protects: false }
    const lost = { ...node!, state: 'unknown' as const, leaseRemainingMs: -1, watchdog }
    const text = formatStatus({ ...status, nodes: [lost] })
    expect(text).toContain('simulated 10.0 s, not armed')
    expect(text).not.toContain('released')
  })

  test('in the format of the reference is one line per entry', () => {
    expect(formatStatusLines(status).split('\n')).toEqual([
      'quorum OK',
      'master plane-1 (active, round 12)',
      'fencing armed',
      'lrm n1 (active, watchdog active, lease 58.2 s)',
      'lrm n2 (active, watchdog active, lease over)',
      'service process:web (n1, started)',
      'service process:clock (n1, relocate)',
    ])
  })

  test('of an empty cluster says how to begin', () => {
    const text = formatStatus({ ...status, nodes: [], services: [] })
    expect(text).toContain('ha-manager join-token create')
    expect(text).toContain('ha-manager add process:NAME')
  })

  test('says that nothing is protected while the cluster is disarmed, and for what arming waits', () => {
    const fencing = { state: 'disarming', mode: 'ignore', waitsFor: 'waits for n2' } as const
    const [n1] = status.nodes
    const node = {
      ...n1!,
      mode: 'disarm' as const,
      watchdog: { ...n1!.watchdog, armed: false },
    }
    const disarmed = { ...status, fencing, nodes: [node] }
    expect(formatStatus(disarmed)).toContain('fencing disarming (mode ignore, waits for n2)')
    const lines = formatStatusLines(disarmed).split('\n')
    expect(lines).toContain('fencing disarming, resource mode: ignore')
    expect(lines).toContain('lrm n1 (disarm mode, watchdog released, lease 58.2 s)')
  })

  test('the N−1 table says what has no second node, or that everything has', () => {
    const unprotected = [
      {
        node: 'n1',
        why: 'there is no other node',
        services: ['vm:1', 'vm:2', 'vm:3', 'vm:4', 'vm:5'],
      },
    ]
    const text = formatStatus({ ...status, nMinusOne: { services: 7, unprotected } })
    expect(text).toContain('N-1     5 of 7 services have no second node')
    expect(text).toMatch(/^n1 +5 +vm:1 vm:2 vm:3 vm:4 … +there is no other node$/m)
    const whole = formatStatus({ ...status, nMinusOne: { services: 7, unprotected: [] } })
    expect(whole).toContain('N-1     OK (whichever node dies, each of 7 services has another)')
  })

  test('says which rules count for nothing, and why', () => {
    const ignoredRules = [{ rule: 'rule apart', message: 'it keeps more apart than there are' }]
    expect(formatStatus({ ...status, ignoredRules })).toContain(
      '\nrule apart is ignored: it keeps more apart than there are\n',
    )
  })

  test('says loudly when there is no quorum, and why nothing starts in quarantine', () => {
    const text = formatStatus({
      ...status,
      quorum: { ...status.quorum, quorate: false },
      crm: { ...status.crm, quarantine: 'the history changed' },
    })
    expect(text).toContain('NO QUORUM')
    expect(text).toContain('quarantine: the history changed')
  })
})
