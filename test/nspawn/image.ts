// The disk of the machines: a small Debian, made once and kept outside the repository.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const images = join(tmpdir(), 'holdfast-test-images')
const image = join(images, 'bookworm')
const packages = 'systemd,systemd-sysv,dbus,udev,iproute2,procps'

/** What this machine lacks to boot such machines; null: nothing. The image is made if it is not there yet: some 40 s, and a mirror. */
export function whyNoMachine(): string | null {
  if (process.getuid?.() !== 0) return 'not root'
  const programs = ['systemd-nspawn', 'script', 'nsenter']
  if (!existsSync(image)) programs.push('debootstrap')
  const missing = programs.filter((one) => !isInstalled(one))
  if (missing.length > 0) return `${missing.join(', ')} not installed`
  return existsSync(image) ? null : make()
}

export const imagePath = (): string => image

/** Why it could not be made; null: it is there. */
function make(): string | null {
  mkdirSync(images, { recursive: true })
  const unfinished = `${image}.${process.pid}`
  const options = ['--variant=minbase', `--include=${packages}`, 'bookworm', unfinished]
  try {
    execFileSync('debootstrap', options, { stdio: 'pipe', timeout: 180_000 })
    renameSync(unfinished, image)
    return null
  } catch (error) {
    // Another test may have made it meanwhile.
    return existsSync(image) ? null : `no image of Debian: ${(error as Error).message}`
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function isInstalled(program: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
