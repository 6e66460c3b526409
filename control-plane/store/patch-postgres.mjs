// Mends two files of postgres.js 3.4.9 after an install: a statement on a connection that has died, inside a
// transaction or on a reserved handle, ends the whole process there (upstream issues 1208, 1154, 1066). With the
// mend it is rejected like any other. Runs under any Node.js from 18 on, changes nothing twice, and fails loudly
// when the library is not the version it was written for. test/store/dead-connection.test.ts shows the effect.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const version = '3.4.9'
const mark = '/* mended: dead connections */'

/** What is replaced, file by file. Each `find` must occur exactly once. */
const mends = {
  'src/connection.js': [
    {
      find: `      return write(toBuffer(q))
        && !q.describeFirst
        && !q.cursorFn
        && sent.length < max_pipeline
        && (!q.options.onexecute || q.options.onexecute(connection))`,
      // A transaction must own its connection from BEGIN on, however full the pipeline is.
      replace: `      const written = write(toBuffer(q))
      if (q.options.onexecute) {
        q.options.onexecute(connection)
        return false
      }
      return written
        && !q.describeFirst
        && !q.cursorFn
        && sent.length < max_pipeline`,
    },
    {
      find: `  function nextWrite(fn) {
`,
      // The socket may be gone by the time the buffered write is flushed.
      replace: `  function nextWrite(fn) {
    if (!socket) {
      if (nextWriteTimer !== null) clearImmediate(nextWriteTimer)
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      return false
    }
`,
    },
    {
      find: `    clearImmediate(nextWriteTimer)
    socket.removeListener('data', data)`,
      // A write that was never flushed must not keep later ones from being scheduled.
      replace: `    if (nextWriteTimer !== null) clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    socket.removeListener('data', data)`,
    },
    {
      find: `    !hadError && (query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))
`,
      // Also after a socket error: what was sent in between would wait for ever. Nothing of this session goes on in the next.
      replace: `    ;(query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))
    query = results = errorResponse = null
    result = new Result()
`,
    },
    {
      find: `    !query && onopen(connection)
  }

  function data(`,
      replace: `    !query && !connection.reserved && onopen(connection)
  }

  function data(`,
    },
  ],
  'src/index.js': [
    {
      find: `    const sql = Sql(handler)
    sql.release = () => {
      c.reserved = null
      onopen(c)
    }`,
      // A handle dies with its connection: it must never run on the session that follows.
      replace: `    let dead = null
    c.onclose = failure => {
      dead = failure
      while (queue.length)
        queue.shift().reject(failure)
    }

    const sql = Sql(handler)
    sql.release = () => {
      if (dead || c.reserved === null)
        return
      c.onclose = c.reserved = null
      onopen(c)
    }`,
    },
    {
      find: `    function handler(q) {
      c.queue === full
        ? queue.push(q)`,
      replace: `    function handler(q) {
      if (dead)
        return q.reject(dead)
      c.queue === full
        ? queue.push(q)`,
    },
    {
      find: `      , connection
      , prepare = null`,
      replace: `      , connection
      , dead = null
      , prepare = null`,
    },
    {
      find: `        new Promise((_, reject) => connection.onclose = reject)`,
      replace: `        new Promise((_, reject) => connection.onclose = failure => {
          dead = failure
          while (queries.length)
            queries.shift().reject(failure)
          reject(failure)
        })`,
    },
    {
      find: `        q.catch(e => uncaughtError || (uncaughtError = e))
        c.queue === full`,
      replace: `        q.catch(e => uncaughtError || (uncaughtError = e))
        if (dead)
          return q.reject(dead)
        c.queue === full`,
    },
  ],
}

const root = path.resolve(path.dirname(createRequire(import.meta.url).resolve('postgres')), '../..')
const found = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version
if (found !== version) fail(`postgres ${found} is installed, the mend is for ${version}`)

for (const [name, edits] of Object.entries(mends)) {
  const file = path.join(root, name)
  let text = readFileSync(file, 'utf8')
  if (text.includes(mark)) continue
  for (const { find, replace } of edits) {
    if (text.split(find).length !== 2) fail(`${name} of postgres ${version} is not as expected`)
    text = text.replace(find, () => replace)
  }
  writeFileSync(file, `${mark}\n${text}`)
}

function fail(sentence) {
  console.error(`postinstall: ${sentence}. Look at control-plane/store/patch-postgres.mjs.`)
  process.exit(1)
}
