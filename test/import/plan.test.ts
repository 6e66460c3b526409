// What an import makes of a cluster: nothing that may still run elsewhere is started, what names nobody is refused with its
// line, and a rule that cannot be kept comes in disabled instead of disabling others.
import { describe, expect, test } from 'vitest'
import type { ImportFiles } from '../../control-plane/intake/import/findings.ts'
import {
  type ImportPlan,
  type ImportWish,
  planImport,
} from '../../control-plane/intake/import/plan.ts'
import { readFiles } from '../../control-plane/intake/import/read-files.ts'
import { isRefusal } from '../../control-plane/intake/refusal.ts'
import type { ServiceType } from '../../shared/names.ts'
import { aGroup, aService, buildView } from '../decide/build-view.ts'

const view = buildView()
const guests = (...ids: number[]) => ids.map((id) => `vm: ${id}\n\tstate started\n`).join('\n')

function plan(
  files: ImportFiles,
  wish: ImportWish = { requested: 'ignored' },
  drivers?: ServiceType[],
): ImportPlan {
  const planned = planImport(view, readFiles(files), wish, drivers)
  if (isRefusal(planned)) throw new Error(JSON.stringify(planned))
  return planned
}

function refusal(files: ImportFiles, cluster = view) {
  const planned = planImport(cluster, readFiles(files), { requested: 'ignored' })
  if (!isRefusal(planned)) throw new Error('it was accepted')
  return planned
}

describe('a service', () => {
  test('comes in as ignored, whatever was requested of it', () => {
    const states = ['started', 'stopped', 'disabled', 'enabled', 'ignored']
    const text = states.map((state, at) => `vm: 10${at}\n\tstate ${state}\n`).join('\n')
    const { services } = plan({ 'resources.cfg': text })
    expect(services.map(({ wish }) => wish.requested)).toEqual(states.map(() => 'ignored'))
    expect(services.map(({ there }) => there.requested)).toEqual([
      'started',
      'stopped',
      'disabled',
      'started',
      'ignored',
    ])
  })

  test('keeps what was requested where that is asked for and a node can run it', () => {
    const files = { 'resources.cfg': `${guests(100)}\nct: 101\n\tstate stopped\n` }
    const kept = plan(files, { requested: 'keep' }, ['process', 'vm'])
    expect(kept.services.map(({ wish }) => [wish.sid, wish.requested])).toEqual([
      ['vm:100', 'started'],
      ['ct:101', 'ignored'],
    ])
    expect(kept.notes).toMatchObject([{ file: 'resources.cfg', line: 4, about: 'ct' }])
    expect(plan(files, { requested: 'keep' }).services[0]?.wish.requested).toBe('ignored')
  })

  test('is where it was, if that is a node of this cluster', () => {
    const service_status = {
      'vm:100': { state: 'started', node: 'n2' },
      'vm:101': { state: 'error', node: 'old7' },
    }
    const { services, notes } = plan({
      'resources.cfg': guests(100, 101, 102),
      manager_status: JSON.stringify({ service_status }),
    })
    expect(services.map(({ wish, there }) => [wish.node, there.state, there.node])).toEqual([
      ['n2', 'started', 'n2'],
      [null, 'error', 'old7'],
      [null, null, null],
    ])
    expect(notes.map(({ about }) => about)).toEqual(['vm', 'vm:101', 'old7'])
  })

  test('that is there already, or names a group that is not, refuses all of it', () => {
    const known = buildView({
      services: [aService('vm:100', 'n1'), aService('vm:101', 'n1', { config: null })],
      groups: [aGroup('here', { n1: 1 })],
    })
    const text = `${guests(100)}\nvm: 101\n\tgroup here\n\nvm: 102\n\tgroup nowhere\n`
    expect(refusal({ 'resources.cfg': text }, known)).toMatchObject({
      code: 'invalid',
      errors: [
        { field: 'resources.cfg:1', message: expect.stringContaining('already') },
        { field: 'resources.cfg:7', message: expect.stringContaining('nowhere is neither in') },
      ],
    })
  })
})

describe('a group', () => {
  test('may name nodes that are to come, unless it is restricted to them', () => {
    const { groups, notes } = plan({ 'groups.cfg': 'group: web\n\tnodes n1:2,n9\n' })
    expect(groups).toEqual([
      { name: 'web', nodes: { n1: 2, n9: 0 }, restricted: false, nofailback: false, comment: '' },
    ])
    expect(notes).toMatchObject([{ message: expect.stringContaining('n9 is not in this cluster') }])
    expect(
      refusal({ 'groups.cfg': '\ngroup: web\n\tnodes n9\n\trestricted 1\n' }).errors,
    ).toMatchObject([{ field: 'groups.cfg:2' }])
  })

  test('of a name that is taken is refused', () => {
    const known = buildView({ groups: [aGroup('web', { n1: 1 })] })
    expect(refusal({ 'groups.cfg': 'group: web\n\tnodes n1\n' }, known).errors).toMatchObject([
      { field: 'groups.cfg:1', message: 'group: web: there is a group of this name already' },
    ])
  })
})

describe('a rule', () => {
  const rule = (id: string, resources: string, more: string) =>
    `node-affinity: ${id}\n\tresources ${resources}\n\t${more}\n`

  test('that names a service or a node of nobody refuses all of it', () => {
    const files = {
      'resources.cfg': guests(100),
      'rules.cfg': `${rule('r1', 'vm:100,vm:200', 'nodes n1')}\n${rule('r2', 'vm:100', 'nodes n1,n9')}`,
    }
    expect(refusal(files).errors).toEqual([
      { field: 'rules.cfg:1', message: expect.stringContaining('vm:200') },
      { field: 'rules.cfg:5', message: expect.stringContaining('nodes name n9') },
    ])
  })

  test('that cannot be kept beside the others comes in disabled, and they stay', () => {
    const apart = 'resource-affinity: apart\n\taffinity negative\n\tresources vm:100,vm:101\n'
    const together = 'resource-affinity: both\n\taffinity positive\n\tresources vm:100,vm:101\n'
    const { rules, notes } = plan({
      'resources.cfg': guests(100, 101),
      'groups.cfg': '',
      'rules.cfg': `${apart}\n${together}\n${rule('near', 'vm:100', 'nodes n1')}`,
    })
    expect(rules.map(({ id, disabled }) => [id, disabled])).toEqual([
      ['apart', true],
      ['both', true],
      ['near', false],
    ])
    expect(notes.filter(({ file }) => file === 'rules.cfg')).toMatchObject([
      { line: 1, message: expect.stringContaining('rule both') },
      { line: 5, message: expect.stringContaining('rule apart') },
    ])
  })

  test('in conflict with one of this cluster is the one that is disabled', () => {
    const known = buildView({
      services: [aService('process:a', 'n1'), aService('process:b', 'n2')],
      rules: [
        {
          id: 'ours',
          type: 'resource-affinity',
          affinity: 'negative',
          resources: ['process:a', 'process:b'],
          disabled: false,
          comment: '',
        },
      ],
    })
    const read = readFiles({ 'resources.cfg': guests(100) })
    read.rules.push({
      file: 'rules.cfg',
      line: 1,
      rule: { ...known.rules[0]!, id: 'theirs', affinity: 'positive' } as never,
    })
    const planned = planImport(known, read, { requested: 'ignored' })
    expect(planned).toMatchObject({ rules: [{ id: 'theirs', disabled: true }] })
  })

  test('that was a group there gets a name that rules may have', () => {
    const { rules, notes } = plan({
      'resources.cfg': guests(100),
      'rules.cfg': rule('ha-group-web', 'vm:100', 'nodes n1:2,n2'),
    })
    expect(rules.map(({ id }) => id)).toEqual(['group-web'])
    expect(notes.find(({ file }) => file === 'rules.cfg')?.message).toContain(
      'comes in as rule group-web',
    )
  })
})

describe('settings', () => {
  test('change where the files say so, and nowhere else', () => {
    const { settings } = plan({ 'datacenter.cfg': 'crs: ha=dynamic\nha: shutdown_policy=freeze\n' })
    expect(settings).toEqual({
      ...view.settings,
      shutdownPolicy: 'freeze',
      scheduling: { ...view.settings.scheduling, mode: 'dynamic' },
    })
    expect(plan({ 'datacenter.cfg': 'keyboard: de\n' }).settings).toEqual(view.settings)
  })
})

test('planning twice says the same twice', () => {
  const read = readFiles({ 'resources.cfg': guests(100), 'datacenter.cfg': 'keyboard: de\n' })
  const once = planImport(view, read, { requested: 'keep' })
  expect(planImport(view, read, { requested: 'keep' })).toEqual(once)
})

test('a rule that names a service nobody knows is refused with its line and what to do', () => {
  const rule = 'resource-affinity: apart\n\tresources vm:100,vm:999\n\taffinity negative\n'
  const refused = refusal({ 'resources.cfg': guests(100), 'rules.cfg': rule })
  expect(JSON.stringify(refused)).toContain(
    'resources name vm:999, neither in resources.cfg nor in this cluster: take them out of the rule, or add them',
  )
  expect(JSON.stringify(refused)).toContain('rules.cfg:1')
})
