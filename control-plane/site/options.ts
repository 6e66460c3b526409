// What `npm start` can be told. Anything wrong is one line on what would be right.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type ProfileName, profileNames } from '../../shared/timing.ts'
import { Complaint } from './complaint.ts'

export const usage = `usage: npm start -- [options]
  --nodes N         local nodes, 1 to 32 (3; later starts: as many as before)
  --profile NAME    timing: edge, default or fast (default; later starts: as before)
  --port PORT       of the control plane on 127.0.0.1 (8420)
  --home DIR        where everything is kept (.holdfast, or HOLDFAST_HOME)
  --no-services     do not create the sample services at the first start
  --help`

export type SiteOptions = {
  /** null: as many as before, 3 at first. */
  nodes: number | null
  /** null: as before, `default` at first. */
  profile: ProfileName | null
  port: number
  home: string
  services: boolean
  help: boolean
}

const mostNodes = 32

export function parseOptions(args: string[], environment: NodeJS.ProcessEnv): SiteOptions {
  const values = parse(args)
  return {
    nodes: values.nodes === undefined ? null : wholeNumber('--nodes', values.nodes, 1, mostNodes),
    profile: values.profile === undefined ? null : profile(values.profile),
    // Above the plane's port come those of the samples.
    port: wholeNumber('--port', values.port ?? '8420', 1, 65_535),
    home: resolve(values.home ?? (environment['HOLDFAST_HOME'] || '.holdfast')),
    services: values.services ?? true,
    help: values.help ?? false,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowNegative: true,
      options: {
        nodes: { type: 'string' },
        profile: { type: 'string' },
        port: { type: 'string' },
        home: { type: 'string' },
        services: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ')
    throw new Complaint(`${sentence}; npm start -- --help lists the options`, 2)
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw new Complaint(`${name} must be a whole number from ${least} to ${most}, not "${text}"`, 2)
}

function profile(text: string): ProfileName {
  const found = profileNames.find((name) => name === text)
  if (found) return found
  throw new Complaint(`--profile must be ${profileNames.join(', ')}, not "${text}"`, 2)
}
