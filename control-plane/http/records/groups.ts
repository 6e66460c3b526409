// Rows of groups: operators' wishes only.
import type { GroupBody } from '../../../shared/operator-api.ts'
import type { GroupView } from '../../cluster/view.ts'
import type { Tx } from '../deps.ts'

export type Group = GroupView & { comment: string }

const columns = (tx: Tx) => tx`name, nodes, restricted, nofailback, comment, version::int`

/** All groups of a cluster, by name. */
export function listGroups(tx: Tx, clusterId: number): Promise<GroupBody[]> {
  return tx<GroupBody[]>`
    select ${columns(tx)} from node_group where cluster_id = ${clusterId} order by name`
}

export async function findGroup(tx: Tx, clusterId: number, name: string) {
  const [row] = await tx<GroupBody[]>`
    select ${columns(tx)} from node_group where cluster_id = ${clusterId} and name = ${name}`
  return row ?? null
}

export async function insertGroup(tx: Tx, clusterId: number, group: Group): Promise<GroupBody> {
  const [row] = await tx<GroupBody[]>`
    insert into node_group (cluster_id, name, nodes, restricted, nofailback, comment)
    values (${clusterId}, ${group.name}, ${JSON.stringify(group.nodes)}::text::jsonb,
            ${group.restricted}, ${group.nofailback}, ${group.comment})
    returning ${columns(tx)}`
  return row as GroupBody
}

/** Writes the whole of a group. */
export async function updateGroup(tx: Tx, clusterId: number, group: Group): Promise<GroupBody> {
  const [row] = await tx<GroupBody[]>`
    update node_group
    set nodes = ${JSON.stringify(group.nodes)}::text::jsonb, restricted = ${group.restricted},
        nofailback = ${group.nofailback}, comment = ${group.comment}, version = version + 1
    where cluster_id = ${clusterId} and name = ${group.name}
    returning ${columns(tx)}`
  return row as GroupBody
}

export async function deleteGroup(tx: Tx, clusterId: number, name: string): Promise<void> {
  await tx`delete from node_group where cluster_id = ${clusterId} and name = ${name}`
}
