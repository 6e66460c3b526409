// What there is to compare of a census: all that it counts, and its lookups, each asked.
import type { Census } from '../../control-plane/cluster/census.ts'

export function counts({ sids, lists, nodes, settledTypes, strangers, reports }: Census) {
  const { names, failing, running } = reports
  const asked = [...sids, 'process:stray', 'process:s1']
  const running_ = asked.map((sid) => [
    sid,
    running.at(sid).map((node) => [node, reports.on(node)?.running(sid)]),
  ])
  return { sids, lists, nodes, settledTypes, strangers, names, failing, running: running_ }
}
