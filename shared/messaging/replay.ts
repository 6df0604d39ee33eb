/** The command by which operators make a service replay its dead letters: it carries their ids, not their content. */

import { z } from 'zod'
import { identifier } from '../base/text.ts'

export { replayCommand } from '../base/names.ts'

/** Named by one command; further ones are sent by further commands. */
export const MAX_LETTERS = 20

/** Ids of messages in the service's dead-letter subscription. */
export const replaySchema = z.strictObject({
  messageIds: z
    .array(identifier({ characters: 64, bytes: 128 }))
    .min(1)
    .max(MAX_LETTERS),
})
