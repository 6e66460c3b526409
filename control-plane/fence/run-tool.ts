// A program of the plane's own machine that drives a device: run to its end, without a shell, with bounded output and time. It
// inherits nothing but where programs and keys are: no secret of the plane. What it is told by standard input is in no fault.
import { execFile } from 'node:child_process'
import { FenceFault, NoAnswer } from './fence-device.ts'

export type Ran = { code: number; stdout: string; stderr: string }

const answersWithinMs = 15_000

/** @throws FenceFault where it could not be run, or did not end in time; how it ended is for the caller to judge */
export function runTool(
  program: string,
  words: string[],
  signal: AbortSignal,
  input = '',
): Promise<Ran> {
  const options = {
    ...{ signal, timeout: answersWithinMs, killSignal: 'SIGKILL' as const, maxBuffer: 1024 * 1024 },
    env: {
      PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
      HOME: process.env['HOME'] ?? '/',
      LC_ALL: 'C',
    },
  }
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      if (!error) return resolve({ code: 0, stdout, stderr })
      if (error.code === 'ENOENT')
        return reject(new FenceFault(`${program} is not installed where the plane runs`))
      if (typeof error.code !== 'number') return reject(new NoAnswer(`${program} does not answer`))
      return resolve({ code: error.code, stdout, stderr })
    })
    child.stdin?.on('error', () => {}) // it ended without reading
    child.stdin?.end(input)
  })
}

/** What it complained of, in one line. */
export function complaint({ stderr }: Pick<Ran, 'stderr'>): string {
  return stderr
    .replace(/^error: /gm, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
}
