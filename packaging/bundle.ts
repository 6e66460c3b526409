// One JavaScript file of a program and all it imports, for machines that have no node_modules.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** zod brings its messages in fifty languages along, and nobody here asks for any but English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(building) {
    building.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
      loader: 'js',
    }))
  },
}

/** As a namespace what is not used of it is left out; as the one object `z` all of it is taken along. */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  setup(building) {
    building.onLoad({ filter: /\/(agent|shared|control-plane)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        "import { z } from 'zod'",
        "import * as z from 'zod'",
      ),
      loader: 'ts',
    }))
  },
}

/**
 * @param entry path below the repository
 * @param format `cjs` for what a single executable can hold
 */
export async function bundle(entry: string, outfile: string, format: 'esm' | 'cjs'): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    format,
    bundle: true,
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    // Names stay: a stack trace is all that comes back from a machine in the field.
    keepNames: false,
    legalComments: 'eof',
    logLevel: 'warning',
    plugins: [englishOnly, onlyWhatIsUsed],
    // What was CommonJS asks for built-in modules by `require`.
    ...(format === 'esm' && {
      banner: {
        js: "import{createRequire as holdfastRequire}from'node:module';const require=holdfastRequire(import.meta.url);",
      },
    }),
  })
}
