// The job queues, by name. A job carries names, never facts; its handler re-reads. Losing one costs latency only.

/** pg-boss queue options. `exclusive`: one job per singleton key, queued or active. */
export const jobQueues = {
  /** Due at a node's fence deadline, or an order to its fence devices. Key: node and epoch, and the order. */
  'fence-node': { policy: 'exclusive', notify: true, retryLimit: 5, retryBackoff: true },
  /**
   * Has what an order has switched off switched on again. Key: the order. Tried for more than three days, which an outage or a
   * quarantine may last: it ends by itself where that is not wanted any more.
   */
  'switch-on-node': {
    ...{ policy: 'exclusive', notify: true, retryLimit: 1_800 },
    ...{ retryDelay: 1, retryBackoff: true, retryDelayMax: 300 },
  },
  /** A relocation asked for a later time, or the deadline of a running move. */
  'relocate-service': { policy: 'exclusive', notify: true, retryLimit: 5, retryBackoff: true },
  /** Rings every cluster's doorbell, whatever was lost. */
  sweep: { policy: 'short', retryLimit: 0 },
  /** Asks fence devices how they are, while their nodes live. */
  'check-fence-devices': { policy: 'short', retryLimit: 0 },
  /** Drops what nobody looks back at any more. */
  'prune-history': { policy: 'short', retryLimit: 2 },
} as const

export type JobName = keyof typeof jobQueues
