/** The command that every service understands: publish again, with the same ids, what is recorded. */

import { z } from 'zod'
import { reference } from './fields.ts'

export { repeatCommand } from './names.ts'

export const repeatSchema = z.strictObject({ correlationId: reference })
