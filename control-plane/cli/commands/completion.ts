// completion SCRIPT for a shell, and the hidden command that the scripts ask. Must never print an error into a prompt.
import type { Command } from 'commander'

/** Adds completion and __complete. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a script for your shell: source <(ha-manager completion bash)')
    .addArgument(program.createArgument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScripts } = await import('../completion-scripts.ts')
      process.stdout.write(completionScripts[shell])
    })
  program
    .command('__complete', { hidden: true })
    .argument('[words...]', 'after --: the words so far, the last being the one to complete')
    .action(async (words: string[]) => {
      const { complete } = await import('../complete.ts')
      for (const word of await complete(program, words)) process.stdout.write(`${word}\n`)
    })
}
