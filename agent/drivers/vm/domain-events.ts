// What libvirt's daemon tells as it happens: one `virsh event` that is begun again whenever it ends. It ends with the
// connection, so a daemon that was restarted is noticed too.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { searchPath } from '../run-command.ts'

export type DomainEvents = {
  /** Whether events are heard, and have been for long enough that none can have been missed. */
  isListening(): boolean
  end(): void
}

export type DomainEventsOptions = {
  uri: string
  /** Something happened to the domain with this name: `Stopped`, `Failed`. */
  happened: (name: string, what: string) => void
  /** The daemon is gone, or was not to be reached. */
  lost: () => void
}

/** `virsh` does not say when it has subscribed. */
const subscribedAfterMs = 2_000
const againAfterMs = { least: 250, most: 5_000 }

export function followDomains({ uri, happened, lost }: DomainEventsOptions): DomainEvents {
  let hasEnded = false
  let isListening = false
  let againMs = againAfterMs.least
  let timer: NodeJS.Timeout | null = null
  let child = begin()

  function begin() {
    // Without its agent nobody reads it: it dies with it.
    const withAgent = ['--pdeathsig', 'KILL', '--', 'virsh']
    const args = ['--quiet', '--connect', uri, '--keepalive-interval', '5']
    const words = [...withAgent, ...args, 'event', '--event', 'lifecycle', '--loop']
    const listening = spawn('setpriv', words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: searchPath(), LC_ALL: 'C.UTF-8', VIRSH_HISTSIZE: '0' },
    })
    listening.once('error', over)
    listening.once('exit', over)
    createInterface({ input: listening.stdout }).on('line', (line) => {
      const [, name, what] = /^event 'lifecycle' for domain '(.+)': (.+)$/.exec(line) ?? []
      if (name !== undefined && what !== undefined && !hasEnded) happened(name, what)
    })
    timer = setTimeout(() => {
      isListening = true
      againMs = againAfterMs.least
    }, subscribedAfterMs).unref()
    return listening
  }

  function over(): void {
    if (timer !== null) clearTimeout(timer)
    if (hasEnded) return
    isListening = false
    child.removeAllListeners('exit')
    lost()
    timer = setTimeout(() => {
      child = begin()
    }, againMs).unref()
    againMs = Math.min(againAfterMs.most, againMs * 2)
  }

  return {
    isListening: () => isListening,
    end() {
      hasEnded = true
      if (timer !== null) clearTimeout(timer)
      child.kill('SIGKILL')
    },
  }
}
