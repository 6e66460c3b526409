// One service on n1 of three healthy nodes, in the state a test wants it in.
import type { Outcome } from '../../shared/outcome.ts'
import { aNode, aService, buildView, type ServiceChanges } from './build-view.ts'
import { play } from './play.ts'

export const web = 'process:web'
export const off: ServiceChanges = { status: { state: 'stopped', running: false }, grant: false }

/** One service in `changes` on n1; `result` is what n1 answers to its order, having closed it or not. */
export function view(changes: ServiceChanges, result?: Outcome, isClosed = false) {
  const n1 = aNode('n1')
  if (result) n1.report!.results = [{ uid: `uid-${web}`, sid: web, outcome: result }]
  if (isClosed) n1.report!.closed = [{ sid: web, generation: 1 }]
  return buildView({
    nodes: [n1, aNode('n2'), aNode('n3')],
    services: [aService(web, 'n1', changes)],
  })
}

export const statusAfter = (v: ReturnType<typeof view>) => play(v).after.services[web]!.status!
