import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { ProgressReporter } from './test/support/progress-reporter.ts'
import { SlowestFirst } from './test/support/slowest-first.ts'

const folders = '{stacks,functions,shared,emulators,cli,legacy}/**/*.test.ts'
/** Of these, the ones that start programs, or whole local clouds for seconds. */
const programs = [
  'cli/bill.test.ts',
  'cli/logs/follow.test.ts',
  'emulators/{start,running,type-check}.test.ts',
  'emulators/local-cloud/bigquery/**/*.test.ts',
  'emulators/local-cloud/cloud-run/{cloud-run,secrets,process/ingress-only}.test.ts',
  'emulators/local-cloud/iam/{iam,api/metadata}.test.ts',
]

/** The tests across folders that start neither a platform nor programs. */
const quick = [
  'test/{architecture,bench,conformance,flows,races,*-providers}/**/*.test.ts',
  'test/another-business/rules.test.ts',
  'test/stacks/{another-business,environment-stack,grants,monthly,observability,ops-target,policies,schedules,stacks}.test.ts',
  'test/checks/{docs,editors,executed-blocks,layout,progress-reporter,renovate,sleeps,slowest-first,typed-options,whole-lists,words}.test.ts',
]
/** Those that start programs, clusters in their own process, or whole local clouds. */
const larger = 'test/{checks,cloud,generated,migration,security,simulation,stacks}/**/*.test.ts'
/** Of these, the ones that replace a module for themselves, which a file before them in the process may have imported. */
const mocking = ['test/cloud/set-secret.test.ts', 'test/security/dispatch.test.ts']
/** Tests that only add data of their own to a platform, and read: all of these share one platform. */
const shared = ['test/platform/shared/**/*.test.ts']

export default defineConfig({
  test: {
    projects: [
      // Half the time of small tests is importing modules that the file before them had imported.
      { extends: true, test: { name: 'folders', include: [folders], exclude: programs, isolate: false } },
      { extends: true, test: { name: 'quick', include: quick, isolate: false } },
      {
        extends: true,
        test: { name: 'programs', include: [...programs, larger], exclude: [...quick, ...mocking], isolate: false },
      },
      {
        extends: true,
        test: { name: 'shared-platform', include: shared, globalSetup: 'test/support/shared-platform.ts' },
      },
      // Whole platforms, with variables by which clients find them: each file in a process of its own.
      {
        extends: true,
        test: {
          name: 'platform',
          include: ['test/{another-business,platform}/**/*.test.ts', ...mocking],
          exclude: [...quick, ...shared],
        },
      },
    ],
    exclude: ['**/node_modules/**', '.data/**', '.tools/**'],
    // One more than cores: a platform waits for a third of its time. Four are enough: each is ten processes and a gigabyte.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    sequence: { sequencer: SlowestFirst },
    reporters: ['default', new ProgressReporter()],
    // A limit for tests that hang, not a measure: whole platforms start in some tests, on machines that do much else.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Otherwise Google's clients look for a metadata server, and warn that they do not find one.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
})
