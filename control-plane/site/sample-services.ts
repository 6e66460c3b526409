// The services a newcomer finds: something to open in a browser, something to watch, something to read in a log.
// Created through the API at the first start only; afterwards they are the operator's.
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { DataFolder } from './data-folder.ts'
import type { Context } from './first-start.ts'
import { askPlane, PlaneRefusal } from './plane-api.ts'
import { freePortFrom } from './ports.ts'

/** From the plane's port to where the samples look for theirs. */
const webPortOffset = 60

const script = (name: string) => fileURLToPath(new URL(`./samples/${name}`, import.meta.url))

export async function createSampleServices(
  context: Context,
  folder: DataFolder,
  planePort: number,
): Promise<void> {
  const webPort = folder.record.webPort ?? (await freePortFrom(planePort + webPortOffset))
  folder.save({ webPort })
  const directory = join(folder.home, 'samples')
  const node = process.execPath
  const services = [
    {
      sid: 'process:web',
      comment: 'a tiny web server that says where it runs',
      spec: {
        command: [node, script('web.mjs')],
        environment: { PORT: String(webPort) },
        directory,
      },
    },
    {
      sid: 'process:clock',
      comment: 'appends a line to clock.txt every second',
      spec: { command: [node, script('clock.mjs'), join(directory, 'clock.txt')], directory },
    },
    {
      sid: 'process:hello',
      comment: 'a shell script that greets into its log',
      spec: { command: ['/bin/sh', script('hello.sh')], directory },
    },
  ]
  for (const service of services) {
    try {
      await askPlane(context, 'POST', '/services', service)
    } catch (error) {
      // 409: a first start that was interrupted had come so far.
      if (!(error instanceof PlaneRefusal && error.status === 409)) throw error
    }
  }
  folder.save({ samplesCreated: true })
}
