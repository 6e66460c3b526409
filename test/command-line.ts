// The words on the command line of a program of the tests. Whoever mistypes one is told how it is used.
import { parseArgs, type ParseArgsConfig } from 'node:util'

/**
 * What was given. With a word that there is not it ends the process (exit code 2), and with `--help` too (0): both say `usage`.
 * @param config as of `parseArgs`, without `help`
 */
export function commandLine<T extends ParseArgsConfig>(usage: string, config: T) {
  if (process.argv.slice(2).includes('--help')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}
