import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{stacks,functions,shared,emulators,cli,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '.data/**', '.tools/**'],
    // Half the time of small tests is importing what the file before them had imported.
    isolate: false,
    // A limit for what hangs, not a measure: whole platforms start in some tests, on machines that do much else.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Google's clients would look for a metadata server, and warn that there is none.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
