// Taking over what a node has already: the node is asked, and what it describes is added like any other service.
import type { DescribedBody } from '../../../shared/operator-api.ts'
import { usage } from '../failure.ts'
import { segment, type Session } from '../session.ts'
import type { Spec, SpecFlags } from './spec-options.ts'

export type AdoptFlags = SpecFlags & {
  adopt?: string
  domain?: string
  node?: string
  state?: string
}

export type Adopted = {
  /** What the service is to be added with. */
  wishes: { node: string; adoptedFrom: string }
  spec: Spec
  described: DescribedBody
}

/** Refuses words that do not go with it, before any plane is asked. */
export function checkAdoption(flags: AdoptFlags, command: readonly string[]): void {
  const { adopt, domain, node, xml } = flags
  if (adopt === undefined) {
    if (domain !== undefined)
      throw usage('--domain goes with --adopt: it names what is taken over from a node')
    return
  }
  if (xml !== undefined)
    throw usage('--xml and --adopt are two ways to say the same', {
      advice: 'With --adopt the node tells how the machine is described.',
    })
  if (command.length > 0) throw usage('a command cannot be taken over from a node')
  if (node !== undefined && node !== adopt)
    throw usage(`--adopt ${adopt} says where it is: --node ${node} contradicts it`)
}

/** Asks the node; `spec`: what the options say of it besides. */
export async function takeOver(
  session: Session,
  sid: string,
  flags: AdoptFlags & { adopt: string },
  spec: Spec,
): Promise<Adopted> {
  const { adopt: node, domain, state } = flags
  if ('xml' in spec) throw usage('with --adopt the file of --spec must have no xml')
  const path = await session.path(`/nodes/${segment(node)}/describe`)
  const body = { sid, ...(domain !== undefined && { domain }) }
  const described = await session.plane.post<DescribedBody>(path, { body })
  if (described.state !== 'shut off' && (state === 'stopped' || state === 'disabled'))
    throw usage(
      `domain ${described.name} is ${described.state} on ${node}: taken over as ${state} it would be stopped`,
      { advice: 'Shut it down first, or take it over as started.' },
    )
  return {
    ...{ wishes: { node, adoptedFrom: node }, described },
    spec: { ...spec, xml: described.xml },
  }
}

/** What the node has of it, and what becomes of that; one thing a line. */
export function formatAdopted({ described }: Adopted, state = 'started'): string[] {
  const { name, node, uuid, isAutostarted, warnings } = described
  const isWanted = state === 'started' || state === 'enabled'
  const becomes =
    described.state === 'shut off'
      ? `is shut off there${isWanted ? ', and is started' : ''}`
      : state === 'ignored'
        ? `is ${described.state} there, and is left so: it is not managed while it is ignored`
        : `is ${described.state} there, and is adopted as it is`
  return [
    `domain ${name} of ${node} (${uuid}) ${becomes}`,
    ...(isAutostarted ? [`it is set to autostart there: that goes with its definition`] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
}
