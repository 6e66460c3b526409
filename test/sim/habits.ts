// How people ask who know that others ask, too: some look first and name the version they saw, some only ask what a wish
// would do.
import type { Operator, OperatorRequest } from './operator.ts'
import type { Chance } from './random.ts'

export function haveHabits(operator: Operator, chance: Chance): void {
  operator.how = async (request) => {
    const drawn = chance.float()
    const { path } = request
    if (drawn < 0.1) return ['curious', { ...request, path: `${path}?dryRun=true` }]
    if (drawn > 0.5 || !hasVersion(request)) return ['admin', request]
    const seen = await operator.ask('viewer', { method: 'GET', path })
    const { etag = null } = seen ?? {}
    return ['admin', etag === null ? request : { ...request, headers: { 'if-match': etag } }]
  }
}

/** What is shown under the address at which it is changed. */
function hasVersion({ method, path }: OperatorRequest): boolean {
  const isOne = /^\/(services|groups|rules)\/[^/]+$|^\/settings$/.test(path)
  return isOne && (method === 'PATCH' || (method === 'DELETE' && !path.startsWith('/services')))
}
