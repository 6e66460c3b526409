// What a plane process is told at its start: flags first, then the environment.
import { parseArgs } from 'node:util'
import { z } from 'zod'

const Config = z.object({
  databaseUrl: z
    .string({ error: 'set DATABASE_URL to a Postgres connection text' })
    .regex(/^postgres(ql)?:\/\//, { error: 'DATABASE_URL must begin with postgres://' }),
  host: z.string().min(1),
  port: z.coerce
    .number({ error: '--port must be a number' })
    .int()
    .min(0)
    .max(65_535, { error: '--port must be at most 65535' }),
  /** How this replica is called in `status`. */
  replica: z.string().min(1).max(100),
  /** How others reach it. */
  url: z.string(),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
})
export type Config = z.infer<typeof Config>

/** Throws an Error with one clear line per fault. */
export function readConfig(args: string[], env: NodeJS.ProcessEnv): Config {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: env.HOLDFAST_PORT ?? '8420' },
      host: { type: 'string', default: env.HOLDFAST_HOST ?? '127.0.0.1' },
      replica: { type: 'string' },
      url: { type: 'string' },
      'log-level': { type: 'string', default: env.HOLDFAST_LOG_LEVEL ?? 'info' },
    },
  })
  const result = Config.safeParse({
    databaseUrl: env.DATABASE_URL,
    host: values.host,
    port: values.port,
    replica: values.replica ?? `${values.host}:${values.port}`,
    url: values.url ?? `http://${values.host}:${values.port}`,
    logLevel: values['log-level'],
  })
  if (result.success) return result.data
  throw new Error(result.error.issues.map((issue) => issue.message).join('\n'))
}
