// `npm start`: a whole site on this machine, in the foreground. Postgres, the control plane, and nodes with their supervisors.
// It must leave nothing running when it ends, however it ends, and find everything as it was when it starts again.
//
// The order of the stop: first the plane, then the nodes, last Postgres. While the nodes end, one after the other, nobody is
// there to take an ending node for a dead one: nothing is fenced and nothing is moved because of a Ctrl-C. At the next start the
// database counts every lease as renewed, and the nodes come back in a new boot, which settles what they ran.
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import type { z } from 'zod'
import type { SettingsBody, Status } from '../../shared/operator-api.ts'
import type { ProfileName } from '../../shared/timing.ts'
import { Complaint } from './complaint.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { startDatabase } from './database.ts'
import { type Context, ensureCluster, ensureContext } from './first-start.ts'
import { greeting } from './greeting.ts'
import { startNodes } from './nodes.ts'
import { parseOptions, type SiteOptions, usage } from './options.ts'
import { askPlane, readStatus } from './plane-api.ts'
import { startPlanePart } from './plane-part.ts'
import { waitForPort } from './ports.ts'
import { createSampleServices } from './sample-services.ts'

/** Parts of a killed run need about as long to end. */
const leftOverPatienceMs = 15_000
/** So long the greeting waits for nodes and services; they may well come later. */
const settlePatienceMs = 20_000

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** What must be stopped, in the order in which it was started. */
const running: { order: number; stop(): Promise<void> }[] = []
let stopping: Promise<void> | null = null
const isStopping = () => stopping !== null

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env)
  if (options.help) return say(usage)
  const folder = await openDataFolder(options.home)
  stopOnSignals(folder)
  await checkPort(options, folder)
  if (isStopping()) return

  say(`Starting Holdfast in ${folder.home}`)
  const database = await startDatabase(folder, say)
  running.push({ order: 3, stop: database.stop })
  // Loaded here, because it takes a while, and a mistyped option should be told at once.
  const { migrate } = await import('../store/migrate.ts')
  await migrate(database.url)
  const sql = postgres(database.url, { max: 2, onnotice: () => {} })
  running.push({ order: 0, stop: () => sql.end({ timeout: 2 }) })
  const url = `http://127.0.0.1:${options.port}`
  const cluster = await ensureCluster(sql, options.profile)
  const context = await ensureContext(sql, folder, url)
  if (isStopping()) return

  const planeOptions = { folder, databaseUrl: database.url, port: options.port, isStopping, say }
  const plane = await startPlanePart(planeOptions)
  running.push({ order: 1, stop: plane.stop })
  if (isStopping()) return
  if (!cluster.made && options.profile !== null) await setProfile(context, options.profile)
  folder.save({ nodes: options.nodes ?? folder.record.nodes })
  const count = folder.record.nodes
  const nodes = await startNodes({ folder, sql, clusterId: cluster.id, planeUrl: url, count, say })
  running.push({ order: 2, stop: nodes.stop })
  if (options.services && !folder.record.samplesCreated) {
    // With all nodes there, the services are spread over them.
    await settled(context, nodes.names)
    if (isStopping()) return
    await createSampleServices(context, folder, options.port)
  }

  const status = await settled(context, nodes.names)
  if (isStopping()) return
  const settings = (await askPlane<z.infer<typeof SettingsBody>>(context, 'GET', '/settings')).body
  say(
    greeting({
      context,
      folder,
      nodes: nodes.names,
      services: status?.services ?? [],
      online: status?.nodes.filter((node) => node.state === 'online').length ?? 0,
      profile: settings.settings.profile,
      powerLossToStartMs: settings.powerLossToStartMs,
    }),
  )
}

async function checkPort(options: SiteOptions, folder: DataFolder): Promise<void> {
  if (folder.wasKilled) say('The last run was killed: what is left of it is ended first')
  if (await waitForPort(options.port, folder.wasKilled ? leftOverPatienceMs : 0)) return
  throw new Complaint(
    `port ${options.port} is taken by another program: stop that, or choose another with --port`,
  )
}

async function setProfile(context: Context, profile: ProfileName): Promise<void> {
  const { body, etag } = await askPlane<z.infer<typeof SettingsBody>>(context, 'GET', '/settings')
  if (body.settings.profile === profile) return
  await askPlane(context, 'PATCH', '/settings', { profile }, etag ? { 'if-match': etag } : {})
}

/**
 * Waits until the nodes are online and what should run runs, within reason; the last status seen. What is on record of an
 * earlier run does not count: a node that reports has joined in this boot, and what it ran before is settled.
 */
async function settled(context: Context, names: string[]): Promise<Status | null> {
  const until = performance.now() + settlePatienceMs
  for (let status: Status | null = null; ; ) {
    status = await readStatus(context).catch(() => status)
    const online = status?.nodes.filter((node) => node.state === 'online') ?? []
    const waiting = status?.services.filter((one) => one.requested === 'started' && !one.running)
    const heard = Math.min(online.length, status?.quorum.reporting ?? 0)
    const isSettled = heard >= names.length && waiting?.length === 0
    if (isSettled || isStopping() || performance.now() > until) return status
    await pause(100)
  }
}

async function stopAll(): Promise<void> {
  for (const part of running.sort((a, b) => a.order - b.order)) await part.stop()
}

function stopOnSignals(folder: DataFolder): void {
  const stop = (why: string) => {
    if (stopping) return
    say(`${why}: stopping the control plane, the nodes and Postgres`)
    stopping = end(folder).then(() => {
      say('Everything is stopped; npm start finds it as it was.')
      process.exit(0)
    })
  }
  process.on('SIGINT', () => stop('Ctrl-C'))
  process.on('SIGTERM', () => stop('Asked to end'))
  process.on('SIGHUP', () => stop('The terminal is gone'))
  // Output that nobody reads any more is no reason to leave parts running.
  process.stdout.on('error', () => {})
  if (process.env['npm_lifecycle_event'] === undefined) return
  // npm was killed: nobody can press Ctrl-C any more. Between npm and us there may be a shell.
  const above = callers()
  setInterval(() => {
    if (callers() !== above) stop('npm is gone')
  }, 1_000).unref()
}

/** Parent and grandparent. */
function callers(): string {
  const { ppid } = process
  try {
    const stat = readFileSync(`/proc/${ppid}/stat`, 'latin1')
    return `${ppid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]}`
  } catch {
    return String(process.ppid)
  }
}

async function end(folder: DataFolder): Promise<void> {
  await starting.catch(() => {})
  await stopAll()
  folder.save({ pid: null })
}

const starting = main()
await starting.catch(async (error: unknown) => {
  if (stopping) return
  process.stderr.write(
    error instanceof Complaint
      ? `npm start: ${error.message}\n`
      : `npm start failed: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  if (!(error instanceof Complaint) && process.env['HOLDFAST_DEBUG']) console.error(error)
  await stopAll()
  process.exit(error instanceof Complaint ? error.exitCode : 1)
})
