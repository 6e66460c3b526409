// Rows of questions to nodes: asked by an operator's request, told to the agent with its poll, answered by it, and taken away by
// whoever asked. No decision reads them. Whatever is lost costs the asker one try.
import type postgres from 'postgres'
import type { NodeAnswer, NodeQuestion } from '../../shared/node-question.ts'

type Tx = postgres.TransactionSql | postgres.Sql

/** Questions of one node that are open at the same time. */
const mostOpen = 4
/** An agent that was told and has not answered is told again after this. */
const tellAgainMs = 2_000
/** What a replica that died has left is taken away with a later question. */
const leftOverMs = 60_000

const isLeftOver = (tx: Tx) =>
  tx`asked_at < clock_timestamp() - make_interval(secs => ${leftOverMs / 1000})`

/** Takes away what nobody has waited for since long, of all clusters. */
export async function pruneQuestions(tx: Tx): Promise<void> {
  await tx`delete from node_question where ${isLeftOver(tx)}`
}

export type AskedNode = { clusterId: number; nodeUid: string; question: NodeQuestion }

/** Writes the question down and rings for it; false: too many are open. */
export async function askNode(tx: Tx, { clusterId, nodeUid, question }: AskedNode) {
  await tx`delete from node_question where cluster_id = ${clusterId} and ${isLeftOver(tx)}`
  const rows = await tx`
    insert into node_question (uid, cluster_id, node_uid, question)
    select ${question.uid}, ${clusterId}, ${nodeUid}, ${JSON.stringify(question)}::text::jsonb
    where (select count(*) from node_question where node_uid = ${nodeUid} and answer is null) < ${mostOpen}
    returning uid`
  await ringNode(tx, nodeUid)
  return rows.length > 0
}

/** Has the node's parked poll look again. */
export async function ringNode(tx: Tx, nodeUid: string): Promise<void> {
  await tx`select pg_notify('holdfast_desired', ${nodeUid})`
}

/** Whether a question of this node is to be told now, as a condition on `node_question q`. */
export const isToBeTold = (tx: Tx) => tx`
  q.answer is null and q.asked_at > clock_timestamp() - make_interval(secs => ${leftOverMs / 1000})
  and coalesce(q.told_at < clock_timestamp() - make_interval(secs => ${tellAgainMs / 1000}), true)`

/** The oldest question that the node is to be told now, noted as told; null: there is none. */
export async function tellQuestion(tx: Tx, nodeUid: string): Promise<NodeQuestion | null> {
  const [row] = await tx<{ question: NodeQuestion }[]>`
    update node_question set told_at = clock_timestamp()
    where uid = (select q.uid from node_question q
      where q.node_uid = ${nodeUid} and ${isToBeTold(tx)} order by q.asked_at limit 1)
    returning question`
  return row?.question ?? null
}

/** The first answer counts; false: nobody waits for one, or another node was asked. */
export async function answerQuestion(
  tx: Tx,
  { nodeUid, uid, answer }: { nodeUid: string; uid: string; answer: NodeAnswer },
): Promise<boolean> {
  const [row] = await tx<{ clusterId: number }[]>`
    update node_question set answer = ${JSON.stringify(answer)}::text::jsonb
    where uid = ${uid} and node_uid = ${nodeUid} and answer is null
    returning cluster_id as "clusterId"`
  if (row) await tx`select pg_notify('holdfast_events', ${String(row.clusterId)})`
  return row !== undefined
}

/** How far it is; null: it was taken away. */
export async function findQuestion(
  tx: Tx,
  uid: string,
): Promise<{ isTold: boolean; answer: NodeAnswer | null } | null> {
  const [row] = await tx<{ isTold: boolean; answer: NodeAnswer | null }[]>`
    select told_at is not null as "isTold", answer from node_question where uid = ${uid}`
  return row ?? null
}

/** Answers hold secrets of machines: they are not kept. */
export async function forgetQuestion(tx: Tx, uid: string): Promise<void> {
  await tx`delete from node_question where uid = ${uid}`
}
