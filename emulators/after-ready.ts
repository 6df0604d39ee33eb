/** The work after "Ready", in this order: a person can use the platform meanwhile. */

import type { TypeCheck } from './type-check.ts'

interface AfterReady {
  /** Absent: files are not watched. */
  readonly watch?: (() => Promise<Pick<TypeCheck, 'check'>>) | undefined
  /** Absent: services stay scaled to zero. */
  readonly warm?: (() => Promise<void>) | undefined
}

/** The types are checked last: the services have the processor first, and errors that were there before the start are printed too. */
export async function afterReady({ watch, warm }: AfterReady): Promise<void> {
  const types = await watch?.()
  await warm?.()
  types?.check()
}
