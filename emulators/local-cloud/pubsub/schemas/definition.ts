/** The definition of a schema's revision, parsed: it checks messages and later revisions. */

import type { SchemaEncoding } from '../values/records.ts'

export interface Definition {
  /** @throws Error with the reason when the data do not fit */
  check(data: Buffer, encoding: SchemaEncoding): void
  /** @throws Error with the reason when it may not follow that definition of the same type */
  checkFollows(former: Definition): void
}
