/** The status of a command that was submitted under an idempotency key, as its owner has recorded it. */

import { z } from 'zod'
import { timestamp } from '../base/fields.ts'

/** The fields that a caller may read of it. */
export const commandStatus = z.object({
  commandId: z.uuid(),
  /** The type of the command. */
  command: z.string(),
  /** `waiting`: it is in the owner's queue, also while an operator has yet to decide about its dead letter. */
  status: z.enum(['waiting', 'done', 'refused']),
  submittedAt: timestamp,
  /** Absent while it waits. */
  finishedAt: timestamp.optional(),
  /** Why it was refused: the code, and a sentence for people. */
  code: z.string().optional(),
  detail: z.string().optional(),
})

/** The owner's answer to the service that submitted it. */
export const submittedCommand = commandStatus.extend({
  /** The actor that submitted it: `admin:…`. */
  actor: z.string(),
  /** The HTTP status of the code with which it was refused. */
  httpStatus: z.int().min(400).max(499).optional(),
})

export type SubmittedCommand = z.output<typeof submittedCommand>

/** The owner's answer to a submission: the same for the same submission again. */
export const submittedSchema = z.object({ commandId: z.uuid() })
