// Commands are rows with a status (D5): carried out, or refused with a reason; never accepted and lost.
import { describe, expect, it } from 'vitest'
import type { CommandView } from '../../control-plane/cluster/view.ts'
import {
  aCommand,
  aGroup,
  aNode,
  aService,
  buildView,
  type ServiceChanges,
  silentNode,
} from './build-view.ts'
import { ofKind, play } from './play.ts'

const web = 'process:web'

function run(
  commands: CommandView[],
  service: ServiceChanges = {},
  groups = [aGroup('g', { n1: 1 }, { restricted: true })],
) {
  const nodes = [aNode('n1'), aNode('n2'), silentNode('n3', { state: 'unknown' })]
  const played = play(
    buildView({ nodes, commands, groups, services: [aService(web, 'n1', service)] }),
  )
  const status = ofKind(played.plan, 'command.status').map(({ to, why }) => `${to}: ${why}`)
  return { ...played, status, web: played.after.services[web]! }
}

const off: ServiceChanges = {
  config: { requested: 'stopped' },
  status: { state: 'stopped', running: false },
  grant: false,
}

describe('wishes', () => {
  it('enable is done when the service runs, not before', () => {
    const starting = run([aCommand('enable', web)], { ...off, config: { requested: 'started' } })
    expect(starting.status).toEqual(['running: requested'])
    expect(run([aCommand('enable', web)]).status).toEqual([
      'running: requested',
      'done: it runs on n1',
    ])
  })

  it('stop carries its timeout into the order', () => {
    const wish: ServiceChanges = { config: { requested: 'stopped' } }
    const { web: service, status } = run([aCommand('stop', web, { stopTimeoutMs: 0 })], wish)
    expect(service.status).toMatchObject({ state: 'request_stop', stopTimeoutMs: 0 })
    expect(status).toEqual(['running: requested'])
  })

  it('an edit made after a stop stands: the command fails, the wish is not rewritten', () => {
    const { web: service, status } = run([aCommand('stop', web)])
    expect(service.config).toMatchObject({ requested: 'started', version: 1 })
    expect(service.status!.state).toBe('started')
    expect(status.at(-1)).toBe('failed: its requested state is started now')
  })

  it('a second stop makes the first one harder', () => {
    const service: ServiceChanges = {
      config: { requested: 'stopped' },
      status: { state: 'request_stop', running: false },
    }
    const { web: after } = run([aCommand('stop', web, { stopTimeoutMs: 0 })], service)
    expect(after.status!.stopTimeoutMs).toBe(0)
    expect(after.status!.uid).not.toBe(`uid-${web}`)
  })

  it('disable is done when the service is stopped', () => {
    expect(run([aCommand('disable', web)], off).status).toEqual([
      'running: requested',
      'done: it is stopped',
    ])
  })

  it('remove is done when the service is let go, with its grant left open', () => {
    const { status, web: after } = run([aCommand('remove', web)], { config: null })
    expect(status.at(-1)).toBe('done: it is no longer managed; what runs was left as it is')
    expect(after.grant).not.toBeNull()
  })

  it('a newer wish supersedes an older one', () => {
    const older = aCommand('enable', web, { uid: 'a', status: 'running' })
    expect(run([older, aCommand('disable', web)], off).status).toContain(
      'failed: superseded by a newer command: disable',
    )
  })

  it('enable fails with the reason when the service ends in error', () => {
    const { status } = run([aCommand('enable', web)], {
      status: { state: 'error', running: false },
    })
    expect(status.at(-1)).toContain('failed: ')
  })

  it('a command for a service that is gone fails', () => {
    expect(run([aCommand('enable', 'process:gone')]).status.at(-1)).toBe('failed: it was removed')
  })
})

describe('restart (D4)', () => {
  it('is an order under the same grant, and done when the agent answers ok', () => {
    const { after, web: service } = run([aCommand('restart', web)])
    expect(service.status).toMatchObject({
      state: 'started',
      restart: true,
      command: 'command-restart-process:web',
    })
    expect(service.grant!.generation).toBe(1)
    after.nodes.n1!.report!.results = [{ uid: service.status!.uid, sid: web, outcome: 'ok' }]
    const done = play({ ...after, round: 201 })
    expect(done.lines.at(-1)).toBe('process:web: command done (restarted on n1)')
    expect(done.after.services[web]!.status).toMatchObject({
      restart: false,
      command: null,
      running: true,
    })
  })

  it('that fails fails the command', () => {
    const { after, web: service } = run([aCommand('restart', web)])
    after.nodes.n1!.report!.results = [{ uid: service.status!.uid, sid: web, outcome: 'error' }]
    expect(play({ ...after, round: 201 }).lines.at(-1)).toContain('command failed')
  })

  it.each([
    ['is stopped', off, 'it is in state stopped: only a running service can be restarted'],
    ['does not run yet', { status: { running: false } }, 'it does not run yet'],
    [
      'is ignored',
      { config: { requested: 'ignored' as const }, status: null },
      'it is not managed: its requested state is ignored',
    ],
  ])('of a service that %s is refused', (_, service, reason) => {
    expect(run([aCommand('restart', web)], service).status).toEqual([`refused: ${reason}`])
  })
})

describe('relocate and migrate', () => {
  it('move the service, and are done when it runs on the target', () => {
    const { after, web: service } = run([aCommand('relocate', web, { node: 'n2' })])
    expect(service.status).toMatchObject({ state: 'relocate', target: 'n2' })
    after.nodes.n1!.report!.closed = [{ sid: web, generation: 1 }]
    const moved = play({ ...after, round: 201 }).after
    const { status } = moved.services[web]!
    expect(status).toMatchObject({ state: 'started', node: 'n2' })
    expect(moved.commands).toHaveLength(1)
    moved.nodes.n2!.report!.results = [{ uid: status!.uid, sid: web, outcome: 'ok' }]
    const done = play({ ...moved, round: 202 })
    expect(done.lines).toContain('process:web: command done (it runs on n2)')
    expect(done.after.commands).toEqual([])
  })

  it('migrate of a service that cannot move live is carried out as relocate, and says so', () => {
    const { plan, web: service } = run([aCommand('migrate', web, { node: 'n2' })])
    expect(service.status!.state).toBe('relocate')
    expect(ofKind(plan, 'service.state')[0]!.why).toContain('do not move live: relocated')
  })

  it('that fail fail the command and leave the service where it is (T10)', () => {
    const { after, web: service } = run([aCommand('relocate', web, { node: 'n2' })])
    after.nodes.n1!.report!.results = [{ uid: service.status!.uid, sid: web, outcome: 'timeout' }]
    const back = play({ ...after, round: 201 })
    expect(back.after.services[web]!.status).toMatchObject({
      state: 'started',
      node: 'n1',
      moveFailures: 0,
    })
    expect(back.lines.at(-1)).toBe('process:web: command failed (the move failed: timeout)')
  })

  it('of a stopped service moves its record', () => {
    const { status, web: service } = run([aCommand('relocate', web, { node: 'n2' })], off)
    expect(status).toEqual(['done: it is stopped; its place is n2 now'])
    expect(service.status).toMatchObject({ state: 'stopped', node: 'n2' })
  })

  it.each([
    ['n9', {}, 'no node n9'],
    ['n1', {}, 'it is on n1 already'],
    ['n3', {}, 'node n3 cannot take it: it is unknown'],
    ['n2', { config: { group: 'g' } }, 'group g restricts process:web to n1: n2 is not among them'],
    [
      'n2',
      { status: { state: 'error' as const, running: false } },
      'it is in state error: only a started or stopped service can be moved',
    ],
  ])('to %s are refused before anything moves (D6): %#', (node, service, reason) => {
    const { status, plan } = run([aCommand('relocate', web, { node })], service)
    expect(status).toEqual([`refused: ${reason}`])
    expect(ofKind(plan, 'service.state')).toEqual([])
  })

  it('begin in the round in which the one before them ends', () => {
    const first = aCommand('restart', web, { uid: 'first', status: 'running' })
    const second = aCommand('relocate', web, { uid: 'second', node: 'n2' })
    const status = { restart: true, command: 'first' }
    const view = buildView({
      commands: [first, second],
      services: [aService(web, 'n1', { status })],
    })
    view.nodes.n1!.report!.results = [{ uid: `uid-${web}`, sid: web, outcome: 'ok' }]
    const { after } = play(view)
    expect(after.commands).toMatchObject([{ uid: 'second', status: 'running' }])
    expect(after.services[web]!.status).toMatchObject({ state: 'relocate', target: 'n2' })
  })

  it('wait for their turn while another command moves the service', () => {
    const first = aCommand('relocate', web, { node: 'n2', uid: 'first' })
    const second = aCommand('restart', web, { uid: 'second' })
    const { after } = run([first, second])
    expect(after.commands.map(({ uid, status }) => `${uid} ${status}`)).toEqual([
      'first running',
      'second pending',
    ])
  })
})
