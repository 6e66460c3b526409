// node --import test/sim/mutants/apply.ts …: the process loads production code with a mutant applied. Must be loaded
// before any of that code, and import none of it.
import { registerHooks } from 'node:module'
import { mutantNamed } from './all.ts'
import { edited, editsByFile, editsOf, type Part, urlOf } from './mutant.ts'

const { HOLDFAST_MUTANT: name, HOLDFAST_MUTANT_PART: part = 'all' } = process.env
if (name) {
  const files = editsByFile(editsOf(mutantNamed(name), part as Part))
  const byUrl = new Map([...files].map(([file, edits]) => [urlOf(file), edits]))
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const edits = byUrl.get(url)
      if (!edits || !loaded.source) return loaded
      const text = Buffer.from(loaded.source as Uint8Array).toString()
      return { ...loaded, source: edited(text, edits) }
    },
  })
}
