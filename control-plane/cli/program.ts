// The command tree. Definitions only: what a command needs to run is loaded when it runs.
import { Command } from 'commander'
import { addAccess } from './commands/access.ts'
import { addCompletion } from './commands/completion.ts'
import { addFence } from './commands/fence.ts'
import { addFenceDevices } from './commands/fence-device.ts'
import { addGroups } from './commands/group.ts'
import { addImport } from './commands/import.ts'
import { addOperations } from './commands/operate.ts'
import { addRules } from './commands/rule.ts'
import { addPlacement } from './commands/placement.ts'
import { addRounds } from './commands/rounds.ts'
import { addScenario } from './commands/scenario.ts'
import { addServices } from './commands/service.ts'
import { addServiceViews } from './commands/service-view.ts'
import { addSettings } from './commands/settings.ts'
import { addStatus } from './commands/status.ts'
import { addStory } from './commands/story.ts'
import { addWhatIf } from './commands/what-if.ts'

const examples = `
Examples:
  ha-manager status --watch
  ha-manager add process:web --state started -- /usr/bin/python3 -m http.server 8000
  ha-manager relocate process:web n2 --wait
  ha-manager why process:web

Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 no plane reached
Environment: HOLDFAST_URL, HOLDFAST_TOKEN, HOLDFAST_CLUSTER, HOLDFAST_HOME (default .holdfast)`

/** Builds the tree anew; commander keeps state in it while parsing. */
export function createProgram(): Command {
  const program = new Command('ha-manager')
    .description('Keeps services running on a fleet of nodes, and never runs one twice.')
    .option('--url <url>', 'the plane to talk to; several with commas between')
    .option('--token <token>', 'who asks')
    .option('--cluster <name>', 'which cluster')
    .option('--json', 'print JSON')
    .option(
      '--dry-run',
      'with commands that change something: say what would happen, change nothing',
    )
    .addHelpText('after', examples)
  addStatus(program)
  addServices(program)
  addServiceViews(program)
  addOperations(program)
  addGroups(program)
  addRules(program)
  addStory(program)
  addPlacement(program)
  addWhatIf(program)
  addRounds(program)
  addScenario(program)
  addFence(program)
  addFenceDevices(program)
  addSettings(program)
  addImport(program)
  addAccess(program)
  addCompletion(program)
  return program
}

/** `dev` acts on the site of this machine and is only loaded for those who ask for it. */
export async function addDev(program: Command): Promise<void> {
  const { devCommand } = await import('./dev.ts')
  program.addCommand(devCommand())
}
