// `npm run -s scenario -- FILE…`: plays scenario files and prints one JSON line for each.
import { playFile } from './run.ts'

for (const path of process.argv.slice(2)) {
  const { played } = await playFile(path)
  process.stdout.write(`${JSON.stringify(played)}\n`)
}
