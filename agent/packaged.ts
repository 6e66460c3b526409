// Where the packaged agent begins: one file with everything in it, no types to strip and no cache to warm up.
import { runAgent } from './run-agent.ts'

void runAgent()
