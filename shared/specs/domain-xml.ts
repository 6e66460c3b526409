// What must be known of a libvirt domain's XML before libvirt sees it: who it is, and what its disks are. libvirt itself
// judges the rest, on the node. Read as text and data only; entities of its own, and what they could pull in, are refused.
import { XMLParser, XMLValidator } from 'fast-xml-parser'

export type DomainDisk = {
  /** Name on the guest's bus, such as `vda`. */
  target: string
  /** How libvirt reaches it: file, block, network, volume. */
  type: string
  isWritable: boolean
}

export type DomainXml = { name: string; uuid: string; disks: DomainDisk[] }

/** Longer ones are refused: it travels with every change of what a node is to run. */
export const longestDomainXml = 64 * 1024

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.+@-]{0,62}$/
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  isArray: (name) => name === 'disk',
})

/** What the XML says of the domain, or one sentence about what is wrong with it, by its place in the XML. */
export function readDomainXml(xml: string): { domain: DomainXml } | { fault: string } {
  const fault = (why: string) => ({ fault: why })
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return fault('a document type is not accepted')
  const valid = XMLValidator.validate(xml)
  if (valid !== true) return fault(`line ${valid.err.line ?? 1}: ${valid.err.msg}`)
  let domain: unknown
  try {
    domain = part(parser.parse(xml), 'domain')
  } catch (error) {
    return fault((error as Error).message)
  }
  if (domain === undefined) return fault('the outermost element must be <domain>')
  const name = textOf(part(domain, 'name'))
  if (name === null || !namePattern.test(name))
    return fault('domain/name: must be letters, digits and _ . + @ -, at most 63')
  const uuid = textOf(part(domain, 'uuid'))?.toLowerCase() ?? null
  if (uuid === null || !uuidPattern.test(uuid))
    return fault('domain/uuid: must be given, so that it is the same machine wherever it runs')
  const tpm = part(part(part(domain, 'devices'), 'tpm'), 'backend')
  if (textOf(part(tpm, '@type')) === 'emulator' && textOf(part(tpm, '@persistent_state')) !== 'yes')
    return fault(
      "domain/devices/tpm/backend: must say persistent_state='yes', or its state is lost",
    )
  return { domain: { name, uuid, disks: disksOf(domain) } }
}

/**
 * Why it must not move while it runs, as one sentence; null: it may. Between two hosts an exclusive lock of a disk is what
 * keeps a second copy from running when libvirt itself loses the last word of a migration.
 */
export function whyNotLive({ disks }: DomainXml, diskLocks: 'qemu' | 'manager'): string | null {
  const writable = disks.filter((disk) => disk.isWritable)
  if (writable.length === 0)
    return 'it has no writable disk, so no lock keeps a second copy from running: relocate it'
  if (diskLocks === 'manager') return null
  const unlocked = writable.find((disk) => disk.type !== 'file')
  return unlocked === undefined
    ? null
    : `QEMU’s lock of disk ${unlocked.target} (${unlocked.type}) does not reach other nodes: relocate it, or say diskLocks: manager`
}

/** What of the domain may be there on one host only, as sentences; of what `readDomainXml` has read. */
export function hostBound(xml: string): string[] {
  const devices = part(part(parser.parse(xml), 'domain'), 'devices')
  const found: string[] = []
  if (part(devices, 'hostdev') !== undefined)
    found.push(
      'it has devices of its host (hostdev): other nodes need the same, and it cannot move live',
    )
  const disks = part(devices, 'disk')
  const local = (Array.isArray(disks) ? disks : []).flatMap((disk: unknown) => {
    const source = part(disk, 'source')
    return textOf(part(source, '@file')) ?? textOf(part(source, '@dev')) ?? []
  })
  if (local.length > 0)
    found.push(`every node that may run it must reach the same ${[...new Set(local)].join(' ')}`)
  return found
}

function disksOf(domain: unknown): DomainDisk[] {
  const disks = part(part(domain, 'devices'), 'disk')
  return (Array.isArray(disks) ? disks : []).map((disk: unknown) => ({
    target: textOf(part(part(disk, 'target'), '@dev')) ?? '?',
    type: textOf(part(disk, '@type')) ?? 'file',
    isWritable:
      !['cdrom', 'floppy'].includes(textOf(part(disk, '@device')) ?? 'disk') &&
      part(disk, 'readonly') === undefined,
  }))
}

/** An element, or an attribute with `@`; of several elements the first. */
function part(of: unknown, name: string): unknown {
  const one: unknown = Array.isArray(of) && name !== 'disk' ? of[0] : of
  if (typeof one !== 'object' || one === null || !Object.hasOwn(one, name)) return undefined
  return (one as Record<string, unknown>)[name]
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value.trim() : null
}
