/** The commands by which operators make a service replay or discard its dead letters: they carry ids, not content. */

import { z } from 'zod'
import { discardCommand, replayCommand } from '../base/names.ts'
import { identifier } from '../base/text.ts'
import type { CommandContract } from '../contracts/contract.ts'

export const deadLetterCommands = [replayCommand, discardCommand] as const
export type DeadLetterCommand = (typeof deadLetterCommands)[number]

/** Named by one command; further ones are sent by further commands. */
export const MAX_LETTERS = 20

/** Ids of messages in the service's dead-letter subscription. */
export const chosenLettersContract = {
  version: 1,
  data: z.strictObject({
    messageIds: z
      .array(identifier({ characters: 64, bytes: 128 }))
      .min(1)
      .max(MAX_LETTERS),
  }),
  example: { messageIds: ['1'] },
} as const satisfies CommandContract
