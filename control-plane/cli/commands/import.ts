// import DIR: takes over what an older manager's files say, through the plane and in one request.
import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import type { ImportBody } from '../../../shared/operator-api.ts'
import { Failure, refused, usage } from '../failure.ts'
import { type Session, withPlane } from '../session.ts'

type Flags = { requested: 'ignored' | 'keep' }

const names = ['resources.cfg', 'groups.cfg', 'rules.cfg', 'datacenter.cfg', 'manager_status']

/** Adds import. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description(
      'take over groups, services, rules and settings from the files of an older manager',
    )
    .argument('<dir>', `where ${names.join(', ')} are, or some of them; also in its folder ha/`)
    .addOption(
      new Option(
        '--requested <how>',
        'services come in as ignored, for they may still run there; keep: as they were requested there',
      )
        .choices(['ignored', 'keep'])
        .default('ignored'),
    )
    .addHelpText('after', explanation)
    .action(withPlane<Flags>((session, [folder = ''], flags) => importFrom(session, folder, flags)))
}

const explanation = `
It is all or nothing: what is wrong is named by file and line, and then nothing is imported. --dry-run shows what would be.
An ignored service is known here and left alone. Once the old manager has let go of it, want it here:
  ha-manager set vm:100 --state started`

async function importFrom(session: Session, folder: string, flags: Flags): Promise<void> {
  const files = readFolder(folder)
  const request = session.plane.post<ImportBody>(await session.path('/import'), {
    body: { files, requested: flags.requested },
    query: { dryRun: session.dryRun || undefined },
    // Thousands of services are judged and written at once.
    timeoutMs: 60_000,
  })
  const answer = await request.catch((cause: unknown) => {
    throw tooMuchAtOnce(cause)
  })
  const { formatImport } = await import('../import-text.ts')
  const missing = names.filter((name) => !(name in files))
  session.print(answer, () => formatImport(answer, missing, session.dryRun))
}

/** There is a way for what is more than a request may hold. */
function tooMuchAtOnce(cause: unknown): unknown {
  if (!(cause instanceof Failure) || cause.detail.status !== 413) return cause
  return refused('nothing is imported: together the files are more than 1 MiB', {
    ...cause.detail,
    advice:
      'Leave out manager_status, of which nothing is imported, or import part by part: what rules name has to come first.',
  })
}

function readFolder(folder: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const name of names) {
    const file = [path.join(folder, name), path.join(folder, 'ha', name)].find((one) =>
      existsSync(one),
    )
    if (file !== undefined) files[name] = readText(file)
  }
  if (Object.keys(files).length > 0) return files
  throw usage(
    existsSync(folder)
      ? `${folder} has none of ${names.join(', ')}`
      : `there is no folder ${folder}`,
    { advice: 'Copy the files of the old manager to a folder, and name it.' },
  )
}

function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw usage(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`)
  }
  if (!isUtf8(bytes))
    throw usage(`${file}:${firstBrokenLine(bytes)} is not UTF-8: nothing is imported`, {
      advice: 'Say it in UTF-8, as in: iconv -f latin1 -t utf-8 FILE',
    })
  return bytes.toString('utf8')
}

/** Other bytes would come in as question marks, and nobody would know what they were. */
function firstBrokenLine(bytes: Buffer): number {
  let line = 1
  for (let at = 0; at < bytes.length; line++) {
    const end = bytes.indexOf('\n', at) + 1 || bytes.length
    if (!isUtf8(bytes.subarray(at, end))) return line
    at = end
  }
  return line
}
