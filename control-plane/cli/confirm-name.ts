// Asks a person to type a name again. Never answers for them: without a terminal the name must be given as an option.
import { refused, usage } from './failure.ts'

/** `given` is the option's value, if any. Returns what was typed, which the plane checks once more. */
export async function confirmName(
  name: string,
  warning: string,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given
  if (!process.stdin.isTTY)
    throw usage('this must be confirmed by a person', {
      advice: `Add --type ${name} if you are sure.`,
    })
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = (await terminal.question(`${warning}\nType ${name} to confirm: `)).trim()
    if (typed !== name)
      throw refused('not confirmed: the name typed is another', { code: 'not-confirmed' })
    return typed
  } finally {
    terminal.close()
  }
}

/** What a person vouches for by confirming a node's death. */
export function fenceWarning(node: string): string {
  return `You vouch that ${node} is powered off or will never run its services again.\nThey are then started elsewhere. If ${node} still runs them, they run twice.`
}
