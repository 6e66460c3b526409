// How to run a `vm:` service: a virtual machine under libvirt.
import { z } from 'zod'
import { text } from '../text.ts'
import { longestDomainXml, readDomainXml } from './domain-xml.ts'

const neededXml =
  'must be the XML of the domain, as `virsh dumpxml` prints it (ha-manager add … --xml FILE)'

const Xml = text(longestDomainXml, neededXml).superRefine((xml, context) => {
  const read = readDomainXml(xml)
  if ('fault' in read) context.addIssue({ code: 'custom', message: `xml: ${read.fault}` })
})

export const VmSpec = z.strictObject({
  /** The whole domain, as `virsh dumpxml` prints it; it needs a name and a uuid. */
  xml: Xml,
  /**
   * What keeps a disk from being written by two nodes, which a live move requires. `qemu`: its lock of disk files, on a file
   * system whose locks all nodes see. `manager`: virtlockd, sanlock or the storage itself guards every writable disk.
   */
  diskLocks: z.enum(['qemu', 'manager']).default('qemu'),
  /** Live moves although libvirt cannot see that the disks are shared and coherent: somebody has made sure of it. */
  migrateUnsafe: z.boolean().default(false),
})
export type VmSpec = z.infer<typeof VmSpec>
