// The machines' kernel: Debian's own, whole (its cloud kernel has no i6300esb), and an initial RAM disk with the modules a
// node needs. Made once, kept outside the repository.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const images = join(tmpdir(), 'holdfast-test-images')
const modules = ['virtio_pci', 'virtio_blk', 'virtio_net', 'i6300esb', 'squashfs', 'ext4']
const guest = (name: string) => join(import.meta.dirname, 'guest', name)

export type Kernel = { vmlinux: string; initrd: string; version: string }

/** The kernel that is kept, if one is. */
export function kept(): string | undefined {
  if (!fs.existsSync(images)) return undefined
  const names = fs.readdirSync(images).filter((name) => /^linux-image-[0-9].*-amd64$/.test(name))
  return names.toSorted().at(-1)
}

/** Downloads and unpacks it if it is not there yet: some 10 s, and a Debian mirror. */
export function kernel(work: string): Kernel {
  const name = kept() ?? fetchKernel()
  const folder = join(images, name)
  const version = name.replace('linux-image-', '')
  const initrd = join(work, 'initrd.cpio')
  makeInitrd(folder, version, initrd)
  return { vmlinux: join(folder, 'vmlinux'), initrd, version }
}

function fetchKernel(): string {
  const depends = run('apt-cache', ['depends', 'linux-image-amd64'])
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1]
  if (name === undefined) throw new Error('apt-cache knows no linux-image-amd64')
  fs.mkdirSync(images, { recursive: true })
  const unfinished = fs.mkdtempSync(join(images, 'kernel-'))
  try {
    run('apt-get', ['download', name], unfinished)
    const deb = fs.readdirSync(unfinished).find((file) => file.endsWith('.deb')) as string
    run('dpkg-deb', ['-x', deb, '.'], unfinished)
    fs.rmSync(join(unfinished, deb))
    const version = name.replace('linux-image-', '')
    run('depmod', ['-b', unfinished, version])
    const packed = fs.readFileSync(join(unfinished, 'boot', `vmlinuz-${version}`))
    fs.writeFileSync(join(unfinished, 'vmlinux'), unpack(packed))
    fs.renameSync(unfinished, join(images, name))
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true })
  }
  return name
}

/**
 * The kernel proper out of a bzImage, by the offsets its header gives (Documentation/arch/x86/boot.rst). QEMU starts it
 * as it is; to unpack it in an emulated machine would take 2.5 s of each boot.
 */
function unpack(image: Buffer): Buffer {
  const setupSectors = image.readUInt8(0x1f1) || 4
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248)
  const input = image.subarray(start, start + image.readUInt32LE(0x24c))
  const options = { input, maxBuffer: 2 ** 28 }
  return execFileSync('xz', ['-dc', '--single-stream'], options)
}

function makeInitrd(folder: string, version: string, initrd: string): void {
  const tree = `${initrd}.d`
  for (const name of ['bin', 'modules', 'proc', 'sys', 'dev', 'root'])
    fs.mkdirSync(join(tree, name), { recursive: true })
  installBusybox(tree)
  const order: string[] = []
  for (const name of modules) {
    const needed = run('modprobe', ['-d', folder, '-S', version, '--show-depends', name])
    for (const [, path = ''] of needed.matchAll(/^insmod (\S+)/gm)) {
      if (order.includes(basename(path))) continue
      order.push(basename(path))
      fs.copyFileSync(path, join(tree, 'modules', basename(path)))
    }
  }
  fs.writeFileSync(join(tree, 'modules/order'), order.map((one) => `${one}\n`).join(''))
  fs.copyFileSync(guest('first-init.sh'), join(tree, 'init'))
  fs.chmodSync(join(tree, 'init'), 0o755)
  const packed = 'find . | busybox cpio -o -H newc 2>/dev/null'
  const options = { cwd: tree, maxBuffer: 2 ** 28 }
  fs.writeFileSync(initrd, execFileSync('sh', ['-c', packed], options))
  fs.rmSync(tree, { recursive: true })
}

/** Into /bin of `tree`, under each of its names. */
export function installBusybox(tree: string): void {
  fs.copyFileSync('/bin/busybox', join(tree, 'bin/busybox'))
  for (const name of run('busybox', ['--list']).split('\n'))
    if (name !== '' && name !== 'busybox') fs.symlinkSync('busybox', join(tree, 'bin', name))
}

function run(program: string, args: string[], cwd?: string): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
