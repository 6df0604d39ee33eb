/** The command that every service understands: publish again, with the same ids, what is recorded. */

import { z } from 'zod'
import { reference } from '../base/fields.ts'

export { republishCommand } from '../base/names.ts'

export const republishSchema = z.strictObject({ correlationId: reference })
