import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A limit for tests that hang, not a measure: some start a process of DuckDB.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Otherwise Google's clients look for a metadata server, and warn that they do not find one.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
