// Runs after an install, under any Node.js from 18 on: makes sure that `npm run` finds the packaged Node.js (npm 10 and older
// drop its link where the lock file also names the package of another processor), and that `npx ha-manager` finds this
// project's own programs. Changes nothing that is right.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..')
const bin = path.join(root, 'node_modules/.bin')
const programs = {
  node: `node_modules/node-linux-${process.arch}/bin/node`,
  'ha-manager': 'control-plane/cli/ha-manager',
  'ha-agent': 'agent/ha-agent',
}

mkdirSync(bin, { recursive: true })
for (const [name, program] of Object.entries(programs)) {
  const link = path.join(bin, name)
  const target = path.join(root, program)
  if (existsSync(link)) continue
  if (!existsSync(target)) {
    console.error(`postinstall: ${program} is missing; use Node.js 24 on Linux (x64, arm64)`)
    continue
  }
  rmSync(link, { force: true })
  symlinkSync(path.relative(bin, target), link)
}
