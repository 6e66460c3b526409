// Telling systemd that a program is ready. Its socket is a datagram socket, which Node.js cannot open; `systemd-notify`
// can, and waits until the word has been taken.
import { spawn } from 'node:child_process'

/** Says so if a service manager waits for it. Trouble is only ever a start that takes until its timeout. */
export function tellReady(): void {
  if (process.env['NOTIFY_SOCKET'] === undefined) return
  spawn('systemd-notify', ['--ready'], { stdio: 'ignore' }).on('error', () => {})
}
