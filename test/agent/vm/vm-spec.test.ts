// What is asked of a domain's XML before any node sees it, and the mark that goes into it.
import { describe, expect, test } from 'vitest'
import { readMarked, withMark } from '../../../agent/drivers/vm/mark.ts'
import { readProgress } from '../../../agent/drivers/vm/vm-leaving.ts'
import { readDomainXml, whyNotLive } from '../../../shared/specs/domain-xml.ts'
import { VmSpec } from '../../../shared/specs/vm.ts'

const uuid = 'aaaaaaaa-0000-4000-8000-000000000100'
const domain = (inside: string, outside = '') =>
  `${outside}<domain type='kvm'><name>vm100</name><uuid>${uuid}</uuid>${inside}</domain>`
const disks = (...each: string[]) => domain(`<devices>${each.join('')}</devices>`)
const file = `<disk type='file'><source file='/a'/><target dev='vda'/></disk>`
const block = `<disk type='block'><source dev='/dev/a'/><target dev='vdb'/></disk>`
const cdrom = `<disk type='file' device='cdrom'><target dev='sda'/></disk>`
const readonly = `<disk type='block'><target dev='vdc'/><readonly/></disk>`
const mark = { clusterUuid: 'c', nodeUid: 'n', sid: 'vm:100', generation: 7, bootId: 'b' }

test.each([
  ['nothing', '', 'Start tag expected'],
  ['no XML', 'hello', 'line 1'],
  ['an element that is not closed', '<domain><name>a</domain>', 'name'],
  ['something else', '<network><name>a</name></network>', 'must be <domain>'],
  ['no name', '<domain><uuid>x</uuid></domain>', 'domain/name'],
  ['a name that would be a path', domain('').replace('vm100', '../x'), 'domain/name'],
  ['no uuid', '<domain><name>a</name></domain>', 'domain/uuid'],
  ['entities of its own', domain('', '<!DOCTYPE domain [<!ENTITY a "b">]>'), 'document type'],
  [
    'a TPM that forgets',
    domain(`<devices><tpm><backend type='emulator'/></tpm></devices>`),
    'persistent_state',
  ],
])('an XML is refused with its place: %s', (_, xml, fault) => {
  expect(readDomainXml(xml)).toEqual({ fault: expect.stringContaining(fault) })
  const parsed = VmSpec.safeParse({ xml })
  expect(parsed.error?.issues[0]?.path).toEqual(['xml'])
})

test('an XML longer than what may travel with every order is refused', () => {
  const long = domain(`<description>${'x'.repeat(64 * 1024)}</description>`)
  expect(VmSpec.safeParse({ xml: long }).success).toBe(false)
})

test.each<[string, string[], 'qemu' | 'manager', string | null]>([
  ['files that QEMU locks', [file, cdrom, readonly], 'qemu', null],
  ['a block device whose lock stays on its node', [file, block], 'qemu', 'vdb'],
  ['a block device under a lock manager', [file, block], 'manager', null],
  ['no writable disk', [cdrom, readonly], 'manager', 'no writable disk'],
])(
  'whether a live move is safe depends on a lock that both nodes see: %s',
  (_, each, locks, why) => {
    const read = readDomainXml(disks(...each))
    if ('fault' in read) throw new Error(read.fault)
    const said = whyNotLive(read.domain, locks)
    if (why === null) expect(said).toBeNull()
    else expect(said).toContain(why)
  },
)

describe('a mark', () => {
  test('is read back, replaces an earlier one, and leaves the rest as it was', () => {
    const rest = `<metadata><a:b xmlns:a="u" c="&quot;d&quot;"/></metadata><description>1 &lt; 2 &amp; "x"</description>`
    const once = withMark(domain(rest), mark)
    const twice = withMark(once, { ...mark, generation: 8 })
    expect(readMarked(once)).toEqual({ name: 'vm100', mark })
    expect(readMarked(twice)?.mark).toEqual({ ...mark, generation: 8 })
    expect(twice.match(/<holdfast:service /g)).toHaveLength(1)
    for (const part of ['<a:b xmlns:a="u" c="&quot;d&quot;"/>', '1 &lt; 2 &amp; "x"'])
      expect(twice).toContain(part)
  })

  test('is put where there is no metadata yet, and of a domain without one there is none', () => {
    expect(readMarked(domain(''))).toEqual({ name: 'vm100', mark: null })
    expect(readMarked(withMark(domain(''), mark))?.mark).toEqual(mark)
  })

  test('keeps attributes whole whose quotes were single', () => {
    const xml = withMark(domain(`<title a='say "x"'/>`), mark)
    expect(xml).toContain('a="say &quot;x&quot;"')
  })
})

test('progress is what libvirt counts, and none where no job tells', () => {
  const said =
    'Job type: 2\noperation: 5\ndata_total: 200\ndata_processed: 90\ndata_remaining: 50\n'
  expect(readProgress(said)).toEqual({ percent: 75, transferredBytes: 90, remainingBytes: 50 })
  expect(readProgress('Job type: 0\n')).toBeNull()
})
