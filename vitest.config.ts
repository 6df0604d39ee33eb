import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{stacks,functions,shared,emulators,cli,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '.data/**', '.tools/**'],
    testTimeout: 20_000,
  },
})
