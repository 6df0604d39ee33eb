/** The condition under which a caller wants a command handled: that its subject has the version which the caller has seen. */

import { refuseIf } from '../base/errors.ts'

interface Conditional {
  readonly subject: string
  readonly expectedVersion?: number | undefined
}

/** @throws Refused in another version of the subject's stream; a command may write to other streams without condition. */
export function checkVersion(
  { subject, expectedVersion }: Conditional,
  { id, version }: { readonly id: string; readonly version: number },
): void {
  refuseIf(
    expectedVersion !== undefined && id === subject && version !== expectedVersion,
    'precondition-failed',
    `${subject} has version ${version}, and not ${expectedVersion}: read it again, and send the command under a new key if it is still meant.`,
  )
}
