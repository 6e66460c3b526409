// Two ioctls on an open watchdog, through Perl (part of every Debian's base), since Node.js has none of its own.
import { spawnSync } from 'node:child_process'

export type DeviceSetup = { options: number; timeoutSeconds: number }

/** WDIOC_GETSUPPORT (0x80285700), then WDIOC_SETTIMEOUT (0xC0045706), which is a feed. Prints options and timeout. */
const program = `
open(F, ">&=", 3) or die "descriptor: $!";
my $info = "\\0" x 40; ioctl(F, 0x80285700, $info) or die "GETSUPPORT: $!";
my $timeout = pack("i", $ARGV[0]); ioctl(F, 0xC0045706, $timeout) or die "SETTIMEOUT: $!";
print join(" ", unpack("L", $info), unpack("i", $timeout)), "\\n";
`

/** Bits of `options`. */
export const magicCloseOption = 0x0100
export const setTimeoutOption = 0x0080

/** Asks what the open device `file` can, and sets its timeout. Throws with the reason. */
export function setUpDevice(file: number, timeoutSeconds: number): DeviceSetup {
  const result = spawnSync('perl', ['-e', program, String(timeoutSeconds)], {
    stdio: ['ignore', 'pipe', 'pipe', file],
    encoding: 'utf8',
    timeout: 5_000,
  })
  if (result.error) throw new Error(`perl: ${result.error.message}`)
  if (result.status !== 0) throw new Error(`ioctl: ${result.stderr.trim().slice(0, 200)}`)
  const [options, timeout] = result.stdout.trim().split(' ').map(Number)
  if (options === undefined || timeout === undefined || !(timeout > 0))
    throw new Error(`ioctl: not understood: ${result.stdout.slice(0, 100)}`)
  return { options, timeoutSeconds: timeout }
}
