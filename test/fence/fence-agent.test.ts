// Fence agents of Pacemaker's kind: told by standard input, judged by exit codes, and known by what they list under their plug.
// The agent here is a program of the test that keeps their protocol (FenceAgentAPI): a switch with outlets in a folder.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { faultText } from '../../control-plane/fence/fence-device.ts'
import { openDevice } from '../../control-plane/fence/open-device.ts'
import { FenceDeviceUpdate } from '../../shared/fence-device.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-agents-'))
const pathBefore = process.env['PATH']
const agent = `#!/bin/sh
while IFS= read -r line; do
  printf '%s\\n' "$line" >> ${folder}/told
  case "$line" in
    action=*) action="\${line#action=}" ;;
    plug=*) plug="\${line#plug=}" ;;
    password=*) password="\${line#password=}" ;;
  esac
done
[ $# -eq 0 ] || { echo "told by arguments" >&2; exit 1; }
[ "$password" = geheim ] || { echo "login failed for $password" >&2; exit 1; }
case "$action" in
  list) cat ${folder}/list ;;
  status) read -r power < ${folder}/power; case "$power" in on) exit 0 ;; off) exit 2 ;; *) exit 1 ;; esac ;;
  on|off) echo "$action" > ${folder}/power ;;
  *) exit 1 ;;
esac
`

beforeAll(() => {
  writeFileSync(join(folder, 'fence_test'), agent, { mode: 0o755 })
  process.env['PATH'] = `${folder}:${pathBefore}`
})
beforeEach(() => {
  writeFileSync(join(folder, 'power'), 'on\n')
  writeFileSync(join(folder, 'list'), '1,n1-left\n3,n3,on\n4,\n5,twice\n5,again\n')
  writeFileSync(join(folder, 'told'), '')
})
afterAll(() => {
  process.env['PATH'] = pathBefore
  rmSync(folder, { recursive: true })
})

function device(plug = '3', password = 'geheim') {
  const parameters = { ip: '192.0.2.1' }
  const options = { agent: 'fence_test', plug, parameters }
  return openDevice({ kind: 'fence-agent', options, secret: { password } })
}
const signal = () => AbortSignal.timeout(10_000)

test('an outlet is known by its name, switched off, read off, and switched on', async () => {
  const identity = { uuid: null, serial: 'n3' }
  expect(await device().look(signal())).toEqual({ state: 'on', identity })
  await device().powerOff(signal())
  expect(await device().look(signal())).toEqual({ state: 'off', identity })
  await device().powerOn(signal())
  expect((await device().look(signal())).state).toBe('on')
  expect(readFileSync(join(folder, 'told'), 'utf8')).toContain('ip=192.0.2.1\nplug=3\nport=3\n')
})

test.each([['4'], ['5'], ['9']])(
  'a plug that is not listed with one name (%s) speaks of no machine, and so proves nothing',
  async (plug) => {
    const { identity } = await device(plug).look(signal())
    expect(identity).toEqual({ uuid: null, serial: null })
  },
)

test('an exit code that says neither on nor off is a fault', async () => {
  writeFileSync(join(folder, 'power'), 'strange\n')
  expect(await device().look(signal()).catch(faultText)).toBe(
    'fence_test fails at status (exit code 1)',
  )
})

test('a fault does not repeat the password, whatever the agent complains of', async () => {
  const fault = await device('3', 'falsch').look(signal()).catch(faultText)
  expect(fault).toBe('fence_test fails at list (exit code 1)')
})

test('an agent that is not installed is told as that', async () => {
  const options = { agent: 'fence_no_such_agent', plug: '1', parameters: {} }
  const gone = openDevice({ kind: 'fence-agent', options, secret: { password: null } })
  expect(await gone.look(signal()).catch(faultText)).toContain('is not installed where the plane')
})

test.each([
  ['a program that is no fence agent', { agent: '/bin/sh', plug: '1' }],
  ['an action of its own', { agent: 'fence_x', plug: '1', parameters: { action: 'on' } }],
  [
    'a second line in a parameter',
    { agent: 'fence_x', plug: '1', parameters: { ip: 'a\naction=on' } },
  ],
  ['a second line in its plug', { agent: 'fence_x', plug: '1\naction=on' }],
  [
    'what is not there for off',
    { agent: 'fence_x', plug: '1', parameters: { missing_as_off: '1' } },
  ],
  ['a late command', { agent: 'fence_x', plug: '1', parameters: { delay: '9' } }],
  ['a parameter that is none', { agent: 'fence_x', plug: '1', parameters: { 'a=b': 'c' } }],
])('%s is refused', (_, options) => {
  expect(FenceDeviceUpdate.safeParse({ kind: 'fence-agent', options }).success).toBe(false)
})
