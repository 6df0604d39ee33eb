import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Half the time of small tests is importing modules that the file before them had imported.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Otherwise Google's clients look for a metadata server, and warn that they do not find one.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
