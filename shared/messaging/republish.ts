/** The command by which every service republishes its recorded events, with the same ids. */

import { z } from 'zod'
import { reference } from '../base/fields.ts'
import type { CommandContract } from '../contracts/contract.ts'

export { formerRepublishCommand, republishCommand } from '../base/names.ts'

export const republishContract = {
  version: 1,
  data: z.strictObject({ correlationId: reference }),
  retryForever: true,
  example: { correlationId: 'o-1' },
} as const satisfies CommandContract
