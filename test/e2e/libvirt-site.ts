// A site of two nodes with a libvirt daemon and a process table each, whose agents have the `vm:` driver alone. Called where a
// test's hooks may be registered: what it started ends after the tests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { type LibvirtHost, startLibvirtHosts } from '../agent/vm/libvirt-host.ts'
import { testSite } from './site.ts'

/** @param leaseMs longer ones bear longer outages of the plane, and have a lost node's services wait for longer */
export function libvirtSite(leaseMs = 12_000) {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-vm-site-'))
  let started: Promise<LibvirtHost[]> | null = null
  const site = testSite({
    nodes: 2,
    timing: { leaseMs, watchdogMs: 3_000 },
    async agentOf(name) {
      started ??= startLibvirtHosts(2, true)
      const host = (await started)[name === 'n1' ? 0 : 1] as LibvirtHost
      const file = join(home, `${name}.mjs`)
      const main = fileURLToPath(new URL('../../agent/main.mjs', import.meta.url))
      const own = ['--drivers', 'vm', '--run', join(home, name), '--libvirt-uri', host.uri]
      own.push('--libvirt-address', host.address)
      writeFileSync(
        file,
        `const [enter, main, own] = ${JSON.stringify([host.enter, main, own])}
const words = [...enter, process.execPath, ...process.execArgv, main, ...process.argv.slice(2), ...own]
process.execve('/usr/bin/nsenter', words, process.env)\n`,
      )
      return file
    },
  })
  afterAll(async () => {
    for (const host of (await started) ?? []) await host.end()
    rmSync(home, { recursive: true, force: true })
  })
  return {
    site,
    /** A folder of the tests' own. */
    home,
    /** Those of n1 and n2, once the site is up. */
    hosts: () => started as Promise<[LibvirtHost, LibvirtHost]>,
  }
}
