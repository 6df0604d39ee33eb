/** The command that every service understands: publish again, with the same ids, what is recorded. */

import { z } from 'zod'
import { reference } from '../base/fields.ts'

export { repeatCommand } from '../base/names.ts'

export const repeatSchema = z.strictObject({ correlationId: reference })
