// The operators' half of the contract through the store of their routes: the same for both sides.
import type { FenceConfirmed } from '../../../control-plane/fence/operator-confirm.ts'
import type { OperatorStore } from '../../../control-plane/http/operator-store.ts'
import { isRefusal, type Refusal } from '../../../control-plane/intake/refusal.ts'
import type { Wishes } from './side.ts'

type RowWishes = Omit<
  Wishes,
  'usage' | 'fenceDevice' | 'deleteFenceDevice' | 'joinToken' | 'otherServer'
>

const confirmedBy = { actor: 'test', silentMs: 9_000 }

export function wishesOver(store: OperatorStore, id: number): RowWishes {
  const { rows } = store
  return {
    addService: async (wish) => void (await rows.insertService(id, wish)),
    setRequested: (sid, requested) => rows.setRequested(id, sid, requested),
    deleteService: (sid) => rows.deleteService(id, sid),
    addCommand: async ({ uid, kind, sid, node, stopTimeoutMs }) => {
      const given = stopTimeoutMs === null ? {} : { stopTimeoutMs }
      const what = { uid, clusterId: id, kind, sid, node, arguments: given, actor: 'test' }
      await rows.insertCommand(what)
    },
    setMaintenance: (uid, isOn) => rows.setMaintenance(uid, isOn),
    removeNode: (uid, node) =>
      store.transaction(async (tx) => void (await tx.removeNode(id, uid, node))),
    async confirmDead(node, force) {
      let answer: FenceConfirmed | Refusal | null = null
      // A refusal undoes everything, as at the API.
      await store
        .transaction(async (tx) => {
          answer = await tx.confirmDead({ ...confirmedBy, clusterId: id, node, force })
          if (isRefusal(answer)) throw new Error('refused')
        })
        .catch((error: unknown) => {
          if (!isRefusal(answer)) throw error
        })
      return told(answer as unknown as FenceConfirmed | Refusal)
    },
    addGroup: async (group) => void (await rows.insertGroup(id, { ...group, comment: '' })),
    deleteGroup: (name) => rows.deleteGroup(id, name),
    addRule: async (rule) => void (await rows.insertRules(id, [rule])),
    deleteRule: (rule) => rows.deleteRule(id, rule),
    settings: (next) =>
      store.transaction(async (tx) => {
        const { settings: before } = await tx.readSettings(id)
        await tx.storeSettings(id, next)
        if (next.quorum !== before.quorum) await tx.countLeasesAsRenewed(id, before, next)
      }),
  }
}

/** A confirmation without the order of its parts, or the code of the refusal. */
function told(answer: FenceConfirmed | Refusal): unknown {
  if (isRefusal(answer)) return answer.code
  const closed = answer.closed.map(({ sid, generation }) => `${sid} ${generation}`)
  return { epochs: [...answer.epochs].sort((a, b) => a - b), closed: closed.sort() }
}
