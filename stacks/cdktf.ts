/** All imports of CDKTF, which is archived: to replace it, change this file and `google.ts`. */

export {
  App,
  dependable,
  GcsBackend,
  LocalBackend,
  TerraformElement,
  TerraformResource,
  TerraformStack,
  TerraformVariable,
} from 'cdktf'
export type { LocalExecProvisioner } from 'cdktf'

/**
 * Runs `construct` without the stack traces that CDKTF captures for each of thousands of tokens, which took a third of a
 * synthesis. CDKTF shows them in some of its errors only; a thrown error keeps its own stack.
 */
export function withoutCreationStacks<T>(construct: () => T): T {
  const capture = Error.captureStackTrace
  Error.captureStackTrace = () => {}
  try {
    return construct()
  } finally {
    Error.captureStackTrace = capture
  }
}
