// The machines' read-only disk: the packaged agent as it is shipped, the C library it needs, Perl (of every Debian's
// base), busybox for the rest, and the test service.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { installBusybox } from './kernel.ts'

const root = resolve(import.meta.dirname, '../..')
const guest = (name: string) => join(import.meta.dirname, 'guest', name)

/** Builds agent and disk below `work`, and returns the disk's path. */
export function makeDisk(work: string): string {
  const built = join(work, 'agent')
  run(process.execPath, [join(root, 'packaging/build-agent.ts'), '--out', built])
  const tree = join(work, 'disk')
  const folders = ['bin', 'usr/bin', 'proc', 'sys', 'dev', 'run', 'tmp', 'var/lib/holdfast', 'etc']
  for (const name of folders) fs.mkdirSync(join(tree, name), { recursive: true })
  installBusybox(tree)
  const programs = { [join(built, 'ha-agent')]: '/bin/ha-agent', '/usr/bin/perl': '/usr/bin/perl' }
  for (const [from, to] of Object.entries(programs)) {
    place(from, join(tree, to))
    for (const [library] of run('ldd', [from]).matchAll(/\/\S+/g))
      place(library, join(tree, library))
  }
  place(guest('init.sh'), join(tree, 'bin/node-init'))
  place(guest('witness.pl'), join(tree, 'bin/witness'))
  fs.writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  const disk = join(work, 'disk.squashfs')
  run('mksquashfs', [tree, disk, '-comp', 'lz4', '-noappend', '-quiet', '-no-progress'])
  fs.rmSync(tree, { recursive: true })
  fs.rmSync(built, { recursive: true })
  return disk
}

/** A disk of a node's own, which keeps what a reset must not take: identity and journal. */
export function makeDataDisk(path: string): void {
  fs.writeFileSync(path, '')
  fs.truncateSync(path, 32 * 2 ** 20)
  run('mkfs.ext4', ['-q', '-F', path])
}

function place(from: string, to: string): void {
  fs.mkdirSync(dirname(to), { recursive: true })
  if (fs.existsSync(to)) return
  fs.copyFileSync(from, to)
  fs.chmodSync(to, 0o755)
}

function run(program: string, args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
