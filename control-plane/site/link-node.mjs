// Makes sure that `npm run` finds the packaged Node.js: npm 10 and older drop its link where the lock file also names the
// package of another processor. Runs after an install under any Node.js from 18 on, and changes nothing that is right.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const modules = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../node_modules')
const packaged = path.join(modules, `node-linux-${process.arch}`, 'bin/node')
const link = path.join(modules, '.bin/node')

if (!existsSync(packaged)) {
  console.error(
    `postinstall: no packaged Node.js for ${process.platform} ${process.arch}; use Node.js 24`,
  )
} else if (!existsSync(link)) {
  mkdirSync(path.dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(path.relative(path.dirname(link), packaged), link)
}
