// The mark of a service in the metadata of its domain: libvirt keeps it with the domain, hands it to the start gate's
// hook, and takes it along in a migration, where the target's own mark replaces it.
import { XMLBuilder, XMLParser } from 'fast-xml-parser'

export type VmMark = {
  clusterUuid: string
  nodeUid: string
  sid: string
  generation: number
  bootId: string
}

/** Namespace of the mark. The hook looks for it as text: element and attributes stay in this order. */
export const markNamespace = 'urn:holdfast:service:1'
const markTag = 'holdfast:service'

type XmlNode = { [tag: string]: XmlNode[] | string | Record<string, string> }

const faithful = {
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  processEntities: false,
  trimValues: false,
}
const parser = new XMLParser({
  ...faithful,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // Quotes that were single around it are double afterwards.
  attributeValueProcessor: (_, value) => value.replaceAll('"', '&quot;'),
})
const builder = new XMLBuilder({ ...faithful, suppressEmptyNode: true })

/** The same domain with this mark and no other. `xml` must be a well-formed domain. */
export function withMark(xml: string, mark: VmMark): string {
  const document = parser.parse(xml) as XmlNode[]
  const domain = childrenOf(document, 'domain')
  if (domain === null) throw new Error('not the XML of a domain')
  let metadata = childrenOf(domain, 'metadata')
  if (metadata === null) {
    metadata = []
    domain.push({ metadata })
  }
  removeMarks(metadata)
  metadata.push({
    [markTag]: [],
    ':@': {
      'xmlns:holdfast': markNamespace,
      cluster: mark.clusterUuid,
      node: mark.nodeUid,
      sid: mark.sid,
      generation: `${mark.generation}`,
      boot: mark.bootId,
    },
  })
  return builder.build(document)
}

/** The same domain with no mark; as it stands where it bears none. */
export function withoutMark(xml: string): string {
  if (!xml.includes(markNamespace)) return xml
  const document = parser.parse(xml) as XmlNode[]
  const domain = childrenOf(document, 'domain')
  removeMarks((domain && childrenOf(domain, 'metadata')) ?? [])
  return builder.build(document)
}

function removeMarks(metadata: XmlNode[]): void {
  for (let at = metadata.length - 1; at >= 0; at--)
    if (markTag in metadata[at]!) metadata.splice(at, 1)
}

/** The same for libvirt's own call, which adds the namespace. */
export function markElement({ clusterUuid, nodeUid, sid, generation, bootId }: VmMark): string {
  return `<service cluster="${clusterUuid}" node="${nodeUid}" sid="${sid}" generation="${generation}" boot="${bootId}"/>`
}

/** Name of a domain, as libvirt shows it, and the mark it bears, if that can be read; null: this is no domain. */
export function readMarked(xml: string): { name: string; mark: VmMark | null } | null {
  const domain = childrenOf(parser.parse(xml) as XmlNode[], 'domain')
  const name = domain && childrenOf(domain, 'name')?.[0]?.['#text']
  return typeof name === 'string' ? { name, mark: readMark(domain!) } : null
}

function readMark(domain: XmlNode[]): VmMark | null {
  const metadata = childrenOf(domain, 'metadata')
  const marked = metadata?.find((one) => markTag in one)
  const said = (marked?.[':@'] ?? {}) as Record<string, string>
  const { cluster, node, sid, generation, boot } = said
  if (said['xmlns:holdfast'] !== markNamespace || !/^\d+$/.test(generation ?? '')) return null
  if (cluster === undefined || node === undefined || sid === undefined || boot === undefined)
    return null
  return {
    ...{ clusterUuid: cluster, nodeUid: node, sid, generation: Number(generation), bootId: boot },
  }
}

function childrenOf(nodes: XmlNode[], tag: string): XmlNode[] | null {
  const found = nodes.find((one) => tag in one)?.[tag]
  return Array.isArray(found) ? found : null
}
