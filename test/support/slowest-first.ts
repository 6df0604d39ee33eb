/** The order of test files: the ones that take longest begin first, so that no worker is busy alone at the end. */

import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { root } from './root.ts'

/** By their processor time, the longest first. Vitest knows the times of earlier runs, which a new clone does not have. */
export const slowest: readonly string[] = [
  'test/platform/in-turn/operation.test.ts',
  'test/platform/in-turn/all-data.test.ts',
  'test/platform/start.test.ts',
  'test/platform/crash/crash.test.ts',
  'test/platform/copies/add-a-service.test.ts',
  'test/stacks/views.test.ts',
  'test/platform/copies/another-business.test.ts',
  'test/platform/grants/grants.test.ts',
  'test/platform/in-turn/deployments.test.ts',
]
/** Whole platforms before the tests of one process. */
const projects = ['platform', 'shared-platform', 'programs']

const placeIn = (list: readonly string[], one: string): number => {
  const place = list.indexOf(one)
  return place === -1 ? list.length : place
}

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer is no array
    const usual = await super.sort(files)
    const placeOf = ({ moduleId }: TestSpecification): number =>
      placeIn(slowest, relative(root, moduleId).replaceAll('\\', '/'))
    return usual.toSorted(
      (one, other) =>
        placeOf(one) - placeOf(other) || placeIn(projects, one.project.name) - placeIn(projects, other.project.name),
    )
  }
}
