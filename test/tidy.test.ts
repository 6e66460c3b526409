// The repository's own architecture, as a test: banned calls with what to use instead, which room may import which, and
// the house numbers. An exception is listed here with its reason, or it is a defect.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const rooms = ['shared', 'control-plane', 'agent', 'test', 'migrations', 'packaging']
const files = tracked()
const sources = files.filter(
  (file) => /\.(ts|mjs)$/.test(file) && rooms.some((r) => file.startsWith(`${r}/`)),
)
const production = sources.filter((file) => !file.startsWith('test/'))
const text = (file: string) => readFileSync(path.join(root, file), 'utf8')

function tracked(): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
  return listed.toString().split('\n').filter(Boolean)
}

/** Files longer than the house number, and why. */
const longFiles = new Map([
  ['control-plane/cluster/view.ts', 'the whole state of a cluster, to be read from top to end'],
  ['shared/operator-api.ts', 'the operator wire in one place'],
  ['shared/protocol.ts', 'the agent wire in one place'],
])

test('every pure room is free of clocks, chance, IO and promises', () => {
  const pure = production.filter((file) =>
    /\/(decide|what-if|scenario|cluster|intake)\//.test(file),
  )
  expect(pure.length).toBeGreaterThan(10)
  const banned: [RegExp, string][] = [
    [/\bDate\.now\(|\bnew Date\(\)|performance\.now\(|hrtime/, 'take the time from the view'],
    [/Math\.random\(|randomUUID\(/, 'draw ids from the round'],
    [/\basync\b|\bawait\b|\bPromise\b/, 'decide at once; the shell waits'],
    [/from 'node:|from 'postgres'|from 'undici'|from 'pino'/, 'no IO here'],
    [/\bconsole\.|\bprocess\.(env|argv|exit|std|pid)/, 'say it as a change or a note'],
  ]
  expect(violations(pure, banned)).toEqual([])
})

test('nothing that decides or grants uses wall clocks, and nothing uses an unbounded fetch', () => {
  const exempt = /^(shared\/clock|control-plane\/(cli|site|admin|web|http)\/|agent\/virtual-node\/)/
  const checked = production.filter((file) => !exempt.test(file))
  expect(
    violations(checked, [
      [/\bDate\.now\(/, 'use Clock'],
      [/Math\.random\(|randomUUID\(/, 'use Random'],
      [/\bfetch\('/, 'use undici with a timeout'],
    ]).filter((line) => !line.startsWith('shared/random.ts')),
  ).toEqual([])
})

test('rooms import only what they may', () => {
  const rules: [RegExp, RegExp, string][] = [
    [/^shared\//, /control-plane\/|agent\//, 'shared words know neither side'],
    [/^agent\//, /control-plane\//, 'an agent knows the wire only'],
    [
      /^control-plane\/cluster\//,
      /\/(store|http|jobs|crm|cli)\//,
      'the state of the world is data',
    ],
    [/^control-plane\/crm\/decide\//, /\/(store|http|jobs|lease|cli)\//, 'decide is pure'],
    [/^control-plane\/(?!site\/|cli\/dev)/, /\/agent\//, 'the plane knows the wire only'],
    [
      /^(shared|control-plane|agent)\//,
      /\/(test|packaging)\//,
      'production never leans on tests or builds',
    ],
  ]
  const broken: string[] = []
  for (const file of production)
    for (const imported of importsOf(file))
      for (const [from, to, why] of rules)
        if (from.test(file) && to.test(`/${imported}`))
          broken.push(`${file} imports ${imported}: ${why}`)
  expect(broken).toEqual([])
})

test('files stay small, and no folder is a heap', () => {
  const long = sources.filter((file) => tooLong(file) && !longFiles.has(file))
  expect(long.map((file) => `${file}: ${text(file).split('\n').length} lines`)).toEqual([])
})

test('names say what a file is about', () => {
  const banned = /(^|\/)(utils?|helpers?|common|misc|types|index|manager)\.ts$/
  expect(sources.filter((file) => banned.test(file))).toEqual([])
})

test('every source file opens with its story', () => {
  const silent = production.filter((file) => {
    if (file.endsWith('.config.ts')) return false
    return !/^(#!.*\n)?\/[/*]/.test(text(file))
  })
  expect(silent).toEqual([])
})

test('nothing is left for later, focused or skipped in silence', () => {
  expect(
    violations(
      sources.filter((file) => file !== 'test/tidy.test.ts'),
      [
        [/\bTODO\b|\bFIXME\b|\bXXX\b/, 'do it, or write an issue'],
        [/\b(it|test|describe)\.(only|todo)\b/, 'run all of them'],
      ],
    ),
  ).toEqual([])
})

test('each README has one title and fits a screen, but for the first', () => {
  for (const file of files.filter((name) => name.endsWith('README.md'))) {
    const titles =
      text(file)
        .replace(/```[\s\S]*?```/g, '')
        .match(/^# /gm) ?? []
    expect({ file, titles: titles.length }).toEqual({ file, titles: 1 })
    if (file !== 'README.md')
      expect({ file, fits: text(file).split('\n').length <= 45 }).toEqual({ file, fits: true })
  }
})

// npm leaves optional packages out that a registry does not serve, and `npm ci` then refuses the whole lock file.
test('the lock file names the optional packages of every platform, so that npm ci takes it anywhere', () => {
  const lock = JSON.parse(text('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const missing = Object.entries(lock.packages).flatMap(([at, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {}).filter(
      (name) =>
        !lock.packages[`node_modules/${name}`] && !lock.packages[`${at}/node_modules/${name}`],
    ),
  )
  expect(missing).toEqual([])
})

test('types, lint and format are clean', { timeout: 400_000 }, () => {
  const bin = path.join(root, 'node_modules/.bin')
  const run = (name: string, args: string[]) => {
    try {
      execFileSync(path.join(bin, name), args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
      return 'clean'
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      return `${stdout}\n${stderr}`
    }
  }
  expect(run('tsc', ['-p', '.'])).toBe('clean')
  expect(run('oxlint', ['--type-aware'])).toBe('clean')
  expect(run('biome', ['format'])).toBe('clean')
})

/** A test file may hold more cases than a room holds thoughts. */
function tooLong(file: string): boolean {
  return text(file).split('\n').length > (file.endsWith('.test.ts') ? 400 : 260)
}

function violations(checked: string[], banned: [RegExp, string][]): string[] {
  return checked.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, index) => {
        const code = line.replace(/\/\/.*$|^\s*\*.*$/, '')
        const hit = banned.find(([pattern]) => pattern.test(code))
        return hit ? [`${file}:${index + 1}: ${hit[1]}`] : []
      }),
  )
}

function importsOf(file: string): string[] {
  const found = text(file).matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)
  return [...found].map((match) =>
    path.relative(root, path.resolve(root, path.dirname(file), match[1] ?? match[2] ?? '')),
  )
}
