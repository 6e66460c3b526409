// A domain's XML as a file for `virsh`, for as long as one command runs. It may hold secrets of the machine's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function withDomainFile<T>(
  xml: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-domain-'))
  try {
    const path = join(folder, 'domain.xml')
    writeFileSync(path, xml, { mode: 0o600 })
    return await use(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
