import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './control-plane/store/schema/*.ts',
  out: './migrations',
})
