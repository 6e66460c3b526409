// The disk of a whole machine: Debian with systemd, libvirt and this project's package. Debian itself is fetched once and kept outside
// the repository; each machine writes to a layer of its own over the disk.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../../..')
const guest = (name: string) => join(import.meta.dirname, 'guest', name)
const base = join(tmpdir(), 'holdfast-test-images', 'bookworm-libvirt')
const packages = [
  ...['systemd', 'systemd-sysv', 'libpam-systemd', 'dbus', 'udev', 'iproute2', 'procps'],
  ...['libvirt-daemon-system', 'libvirt-clients', 'libvirt-daemon-driver-qemu', 'qemu-system-x86'],
]
/** Nothing of this is needed, and an emulated processor has no time for it. */
const masked = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer'],
  ...['fstrim.timer', 'logrotate.timer', 'e2scrub_reap.service', 'cron.service'],
  ...['libvirt-guests.service', 'getty@tty1.service', 'serial-getty@ttyS0.service'],
  ...['systemd-binfmt.service', 'systemd-pstore.service', 'systemd-timesyncd.service'],
]
const own = ['machine-setup.service', 'console.service', 'db.service']

/** What this host lacks for it; null: nothing. */
export function whyNoDebian(): string | null {
  if (process.getuid?.() !== 0) return 'not root'
  if (fs.existsSync(base) || fs.existsSync('/usr/sbin/debootstrap')) return null
  return 'not installed: debootstrap'
}

/**
 * Builds package and disk below `work`, and returns the disk's path: some minutes the first time, and a Debian mirror.
 * @param prepare puts more onto it, given the folder that becomes its root
 */
export function makeDebianDisk(work: string, prepare: (tree: string) => void): string {
  if (!fs.existsSync(base)) fetchDebian()
  run(process.execPath, [join(root, 'packaging/build-deb.ts'), '--out', work])
  const deb = fs.readdirSync(work).find((name) => name.endsWith('.deb')) as string
  const tree = join(work, 'debian')
  run('cp', ['-a', base, tree])
  fs.renameSync(join(work, deb), join(tree, deb))
  run('chroot', [tree, 'dpkg', '-i', `/${deb}`])
  fs.rmSync(join(tree, deb))
  for (const unit of own) place(guest(unit), join(tree, 'etc/systemd/system', unit))
  place(guest('setup.sh'), join(tree, 'usr/sbin/machine-setup'), 0o755)
  place(guest('sign-of-life.pl'), join(tree, 'usr/bin/sign-of-life'), 0o755)
  place(guest('agent.env'), join(tree, 'etc/holdfast/agent.env'))
  run('systemctl', ['--root', tree, 'mask', ...masked])
  run('systemctl', ['--root', tree, 'enable', 'machine-setup.service', 'console.service'])
  run('systemctl', ['--root', tree, 'set-default', 'multi-user.target'])
  fs.rmSync(join(tree, 'etc/libvirt/qemu/networks/autostart'), { recursive: true, force: true })
  prepare(tree)
  const disk = join(work, 'debian.ext4')
  fs.writeFileSync(disk, '')
  fs.truncateSync(disk, 2 * 2 ** 30)
  run('mkfs.ext4', ['-q', '-F', '-d', tree, disk])
  fs.rmSync(tree, { recursive: true })
  return disk
}

function fetchDebian(): void {
  const unfinished = `${base}.${process.pid}`
  try {
    const options = ['--variant=minbase', `--include=${packages.join()}`, 'bookworm', unfinished]
    run('debootstrap', options)
    fs.rmSync(join(unfinished, 'var/cache/apt/archives'), { recursive: true, force: true })
    fs.renameSync(unfinished, base)
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true })
  }
}

function place(from: string, to: string, mode = 0o644): void {
  fs.copyFileSync(from, to)
  fs.chmodSync(to, mode)
}

function run(program: string, args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
