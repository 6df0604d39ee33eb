/** The command that every service understands: publish again, with the same ids, what is recorded. */

import { z } from 'zod'

export { repeatCommand } from './names.ts'

export const repeatSchema = z.strictObject({ correlationId: z.string().min(1).max(200) })
