// Who this node is: written once, at the join. Holds the credential, so mode 0600, and never logged.
import { join } from 'node:path'
import { z } from 'zod'
import { NodeName } from '../shared/names.ts'
import { Timing } from '../shared/timing.ts'
import { readIfThere, writeFileAtomically } from './files.ts'

const Identity = z.strictObject({
  nodeUid: z.uuid(),
  credential: z.string().min(1),
  cluster: z.string(),
  clusterUuid: z.uuid(),
  node: NodeName,
  /** Where the plane was at the join; the command line wins. */
  urls: z.array(z.string()),
  /** Fingerprint of the plane's certificate, as given at the join. */
  pin: z.string().optional(),
  /** The cluster's timing at the join: what a first process begins with. */
  timing: Timing.optional(),
})
export type Identity = z.infer<typeof Identity>

const file = (home: string) => join(home, 'identity.json')

export function readIdentity(home: string): Identity | null {
  const text = readIfThere(file(home))
  if (text === null) return null
  const parsed = Identity.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(`${file(home)} is damaged: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export function writeIdentity(home: string, identity: Identity): void {
  writeFileAtomically(file(home), `${JSON.stringify(identity, null, 2)}\n`)
}
