// `npm run build:deb`: a Debian package with the agent, the control plane and their tools, dist/holdfast_VERSION_ARCH.deb. One
// Node.js for all of them, a bundle for each, wrappers with the measured flags. `--out DIR`: elsewhere than dist/;
// `--version V`: another than that of package.json.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle, root } from './bundle.ts'
import { environment, v8Flags } from './memory-flags.ts'

const project = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'))
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    version: { type: 'string', default: project.version },
  },
})
const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const dist = resolve(values.out)
fs.mkdirSync(dist, { recursive: true })
const stage = fs.mkdtempSync(join(dist, 'deb-'))
const library = '/usr/lib/holdfast'
const debian = join(root, 'packaging/debian')

try {
  await programs()
  units()
  control()
  const name = `holdfast_${values.version}_${architecture}.deb`
  run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z4', '--build', stage, join(dist, name)])
  const mib = (fs.statSync(join(dist, name)).size / 2 ** 20).toFixed(1)
  console.log(`${join(dist, name)}: ${mib} MiB`)
} finally {
  fs.rmSync(stage, { recursive: true, force: true })
}

async function programs(): Promise<void> {
  const node = place(`${library}/bin/node`, process.execPath, 0o755)
  run('strip', [node])
  await bundle('agent/packaged.ts', inside(`${library}/agent/ha-agent.cjs`), 'cjs')
  // As deep as their sources, which look for migrations, pages and node_modules from where they are.
  const planePrograms = `${library}/control-plane/programs`
  await bundle('control-plane/main.ts', inside(`${planePrograms}/main.mjs`), 'esm')
  await bundle('control-plane/cli/main.ts', inside(`${planePrograms}/ha-manager.mjs`), 'esm')
  await bundle('control-plane/admin/main.ts', inside(`${planePrograms}/admin.mjs`), 'esm')
  for (const file of ['status.css', 'status.js'])
    place(`${library}/web/${file}`, join(root, 'control-plane/web', file))
  fs.cpSync(join(root, 'migrations'), inside(`${library}/migrations`), {
    recursive: true,
    filter: (path) => !path.endsWith('.ts'),
  })
  for (const file of ['package.json', 'swagger-ui.css', 'swagger-ui-bundle.js'])
    place(
      `${library}/node_modules/swagger-ui-dist/${file}`,
      join(root, 'node_modules/swagger-ui-dist', file),
    )
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  wrapper('ha-agent', variables, [...v8Flags, `${library}/agent/ha-agent.cjs`])
  wrapper('ha-manager', [], [`${planePrograms}/ha-manager.mjs`])
  wrapper('holdfast-admin', [], [`${planePrograms}/admin.mjs`])
}

function wrapper(name: string, variables: string[], args: string[]): void {
  const exported = variables.length > 0 ? `export ${variables.join(' ')}\n` : ''
  write(
    `/usr/bin/${name}`,
    `#!/bin/sh\nunset NODE_OPTIONS\n${exported}exec ${library}/bin/node ${args.join(' ')} "$@"\n`,
    0o755,
  )
}

function units(): void {
  for (const unit of fs.readdirSync(join(debian, 'systemd')))
    place(`/lib/systemd/system/${unit}`, join(debian, 'systemd', unit))
  place(`${library}/end-agent`, join(debian, 'end-agent'), 0o755)
  place('/etc/holdfast/agent.env', join(debian, 'agent.env'), 0o600)
}

function control(): void {
  const fields = {
    Package: 'holdfast',
    Version: values.version,
    Architecture: architecture,
    Maintainer: 'Holdfast <root@localhost>',
    Section: 'admin',
    Priority: 'optional',
    'Installed-Size': run('du', ['-sk', stage]).split('\t')[0],
    Depends: 'libc6 (>= 2.28), libstdc++6, libgcc-s1, perl-base',
    Description: project.description,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  write('/DEBIAN/control', lines.join(''))
  write('/DEBIAN/conffiles', '/etc/holdfast/agent.env\n')
  for (const script of ['postinst', 'prerm'])
    place(`/DEBIAN/${script}`, join(debian, script), 0o755)
}

/** Where a file of the package is staged; its folder is there afterwards. */
function inside(path: string): string {
  const staged = join(stage, path)
  fs.mkdirSync(join(staged, '..'), { recursive: true })
  return staged
}

function place(path: string, from: string, mode = 0o644): string {
  const staged = inside(path)
  fs.copyFileSync(from, staged)
  fs.chmodSync(staged, mode)
  return staged
}

function write(path: string, text: string, mode = 0o644): void {
  const staged = inside(path)
  fs.writeFileSync(staged, text)
  fs.chmodSync(staged, mode)
}

function run(program: string, args: string[]): string {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8' })
}
