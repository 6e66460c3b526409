// `npm run -s vectors -- FILE…`: recorded decisions of the reference against ours; one JSON line a file. Exit code 1 when
// any of them differs or cannot be read.
import { judgeFile } from './judge.ts'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: npm run -s vectors -- FILE…')
  process.exit(2)
}
let differs = false
for (const file of files) {
  try {
    const verdict = judgeFile(file)
    console.log(JSON.stringify(verdict))
    differs ||= verdict.agreed < verdict.total
  } catch (error) {
    console.error(`${file}: ${(error as Error).message}`)
    differs = true
  }
}
process.exit(differs ? 1 : 0)
