/** Events that the runtime publishes on behalf of any service: no service owns them, and each has one topic. */

import { z } from 'zod'
import { defineContracts } from './contract.ts'
import { reference } from '../base/fields.ts'

export const runtimeContracts = defineContracts({
  service: 'runtime',
  events: {
    /** From every service with a saga; the envelope's `source` says which. `sagaId` is the correlation id. */
    'saga.stuck': {
      version: 1,
      data: z.strictObject({ sagaId: reference, step: reference, attempt: z.int().min(1), reason: reference }),
      example: { sagaId: 'o-1', step: 'reserve-stock', attempt: 5, reason: 'no answer' },
    },
  },
  commands: {},
})
