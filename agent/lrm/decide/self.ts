// Which node of which cluster this is, in which boot.
import type { ServiceType } from '../../../shared/names.ts'

export type Self = {
  clusterUuid: string
  nodeUid: string
  bootId: string
  drivers: ServiceType[]
  /** A hypervisor may freeze it. */
  virtual?: boolean
}
