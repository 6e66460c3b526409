// What the parts of a site inherit: not npm's own variables, and none of the operator's secrets, since services see it too.

const withheld = /^(npm_|INIT_CWD$|DATABASE_URL$|PG[A-Z]|HOLDFAST_)/

export function partEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !withheld.test(name)))
}
