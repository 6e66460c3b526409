// A root file system for containers: busybox and three programs that a test can ask for.
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A busybox that needs no library; null: this machine has none. */
export const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(isStatic) ?? null

function isStatic(path: string): boolean {
  if (!existsSync(path)) return false
  try {
    return execFileSync('ldd', [path], { encoding: 'utf8', stdio: 'pipe' }).includes('statically')
  } catch {
    return true // "not a dynamic executable", as an error
  }
}

/** `/bin/willing` ends when asked, `/bin/deaf` does not, `/bin/brief` ends by itself, `/bin/clean` hides its environment. */
export function makeRootfs(path: string): string {
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'run'])
    mkdirSync(join(path, folder), { recursive: true })
  copyFileSync(busybox!, join(path, 'bin/busybox'))
  for (const name of ['sh', 'sleep', 'echo', 'true', 'env'])
    symlinkSync('busybox', join(path, 'bin', name))
  const program = (name: string, script: string) => {
    writeFileSync(join(path, 'bin', name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(path, 'bin', name), 0o755)
  }
  program('willing', "trap 'exit 0' TERM\nwhile :; do sleep 600 & wait $!; done")
  program('deaf', "trap '' TERM\nwhile :; do sleep 600; done")
  program('brief', 'exit 3')
  program('clean', 'exec env -i /bin/willing')
  return path
}
