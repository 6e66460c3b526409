// Redfish against a real server: what it reads, what it sends, whom it believes, and what it never says.
import { afterEach, expect, test } from 'vitest'
import { faultText } from '../../control-plane/fence/fence-device.ts'
import { openDevice } from '../../control-plane/fence/open-device.ts'
import { type Bmc, machine, startBmc } from './redfish-server.ts'

const open: Bmc[] = []
afterEach(async () => {
  for (const bmc of open.splice(0)) await bmc.close()
})

async function site(
  given: { isEncrypted?: boolean; pin?: string | null; password?: string; system?: string } = {},
) {
  const bmc = await startBmc(given.isEncrypted)
  open.push(bmc)
  const { pin = bmc.pin, password = 'geheim', system = null } = given
  const options = { url: bmc.url, user: 'fence', pin, system }
  return { bmc, device: openDevice({ kind: 'redfish', options, secret: { password } }) }
}

const signal = () => AbortSignal.timeout(5_000)
const identity = { uuid: machine.UUID, serial: machine.SerialNumber }

test('a machine is read with its identity, switched off by force, and read off', async () => {
  const { bmc, device } = await site()
  expect(await device.look(signal())).toEqual({ state: 'on', identity })
  await device.powerOff(signal())
  expect(bmc.asked.at(-1)).toBe('POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset')
  expect(await device.look(signal())).toEqual({ state: 'off', identity })
  await device.powerOn(signal())
  expect(bmc.power).toBe('On')
  await device.powerOn(signal())
})

test('the command goes out at once: a slow controller is asked nothing else between the order and it (M15)', async () => {
  const { bmc, device } = await site()
  await device.look(signal())
  bmc.asked.length = 0
  await device.powerOff(signal())
  expect(bmc.asked).toEqual(['POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset'])
})

test.each([
  ['PoweringOff', 'changing'],
  ['PoweringOn', 'changing'],
  ['Paused', 'paused'],
  ['Standby', 'unknown'],
])('PowerState %s is %s, and not off', async (power, state) => {
  const { bmc, device } = await site()
  bmc.power = power
  expect((await device.look(signal())).state).toBe(state)
})

test('a certificate that nobody vouches for is not believed, and the password is not sent to it', async () => {
  const { bmc, device } = await site({ pin: null })
  const fault = await device.look(signal()).catch(faultText)
  expect(fault).toMatch(/cannot be reached \(.*(SELF_SIGNED|UNABLE_TO_VERIFY).*\)/)
  expect(bmc.asked).toEqual([])
})

test('a certificate other than the pinned one is not believed, and the password is not sent to it', async () => {
  const { bmc, device } = await site({ pin: 'ab'.repeat(32) })
  const fault = await device.look(signal()).catch(faultText)
  expect(fault).toContain('its certificate is not the pinned one')
  expect(bmc.asked).toEqual([])
})

test('a pin is not let pass where nothing is encrypted', async () => {
  const { bmc, device } = await site({ isEncrypted: false })
  await expect(device.look(signal())).rejects.toThrow()
  expect(bmc.asked).toEqual([])
})

test('a wrong password is told as that, and is in no fault', async () => {
  const { device } = await site({ password: 'falsch' })
  const fault = await device.look(signal()).catch(faultText)
  expect(fault).toBe('the controller refuses its user (HTTP 401)')
})

test('a controller with several systems must be told which one; one that is named is asked', async () => {
  const { bmc, device } = await site()
  bmc.answer = (_, response) => {
    const members = [1, 2].map((at) => ({ '@odata.id': `/redfish/v1/Systems/${at}` }))
    response.end(JSON.stringify({ Members: members }))
    return true
  }
  await expect(device.look(signal())).rejects.toThrow('the controller has 2 systems')
  const named = await site({ system: '/redfish/v1/Systems/1' })
  await named.device.look(signal())
  expect(named.bmc.asked).toEqual(['GET /redfish/v1/Systems/1'])
})

test.each([
  ['that is no JSON', '<html>'],
  ['that is no system', '{"Members":[{"@odata.id":1}]}'],
  ['that never ends', 'x'.repeat(1_500_000)],
])('an answer %s is a fault, and proves nothing', async (_, text) => {
  const { bmc, device } = await site()
  bmc.answer = (_request, response) => {
    response.end(text)
    return true
  }
  await expect(device.look(signal())).rejects.toThrow('controller')
})

test.each(['//evil.example/x', '/\\evil.example/x', '/\t/evil.example/x'])(
  'a controller that leads to another host (%j) is not followed there',
  async (path) => {
    const { bmc, device } = await site()
    bmc.answer = (_request, response) => {
      response.end(JSON.stringify({ Members: [{ '@odata.id': path }] }))
      return true
    }
    await expect(device.look(signal())).rejects.toThrow('names a path that is none')
  },
)

test('a controller that does not answer is given up when its time is over', async () => {
  const { bmc, device } = await site()
  let asked = () => {}
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  bmc.answer = () => {
    asked()
    return true
  }
  const gone = new AbortController()
  const look = device.look(gone.signal)
  await isAsked
  gone.abort()
  await expect(look).rejects.toThrow()
})

test('redirections are not followed', async () => {
  const { bmc, device } = await site()
  bmc.answer = (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    return true
  }
  await expect(device.look(signal())).rejects.toThrow('HTTP 302')
})
