import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { ProgressReporter } from './test/support/progress-reporter.ts'

const rooms = '{stacks,functions,shared,emulators,cli}/**/*.test.ts'
/** Of what crosses rooms: what starts neither a platform nor programs that take long. */
const quick = [
  'test/{architecture,bench,conformance,races}/**/*.test.ts',
  'test/stacks/{observability,ops-target,policies,stacks}.test.ts',
  'test/checks/{docs,editors,layout,progress-reporter,renovate,whole-lists,words}.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      // Half the time of small tests is importing what the file before them had imported.
      { extends: true, test: { name: 'rooms', include: [rooms], isolate: false } },
      { extends: true, test: { name: 'quick', include: quick, isolate: false } },
      // Whole platforms, with variables by which clients find them: each file in a process of its own.
      { extends: true, test: { name: 'platform', include: ['test/**/*.test.ts'], exclude: quick } },
    ],
    exclude: ['**/node_modules/**', '.data/**', '.tools/**'],
    // Two on two cores: a platform waits half of its time. Four are enough: each is ten processes and a gigabyte.
    maxWorkers: Math.min(4, Math.max(2, availableParallelism() - 1)),
    reporters: ['default', new ProgressReporter()],
    // A limit for what hangs, not a measure: whole platforms start in some tests, on machines that do much else.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Google's clients would look for a metadata server, and warn that there is none.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
