// The words on the command line of a program of the tests. Whoever mistypes one is told how it is used.
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Ends the process with what is wrong and how it is used (exit code 2). */
export function refuseWords(usage: string, why: string): never {
  console.error(`${why}\n\n${usage}`)
  process.exit(2)
}

/** The number that option `name` was given; `least` itself is none. */
export function numberAbove(usage: string, least: number, name: string, text: string): number {
  const number = Number(text)
  if (!(number > least))
    refuseWords(usage, `--${name} must be a number above ${least}, not ${text}`)
  return number
}

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
    return refuseWords(usage, (error as Error).message)
  }
}
