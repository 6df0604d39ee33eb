import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{stacks,functions,shared,emulators,cli,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '.data/**', '.tools/**'],
    testTimeout: 20_000,
    // Google's clients would look for a metadata server, and warn that there is none.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
