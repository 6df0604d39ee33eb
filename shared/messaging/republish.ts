/** The command by which every service republishes its recorded events, with the same ids. */

import { z } from 'zod'
import { reference } from '../base/fields.ts'

export { formerRepublishCommand, republishCommand } from '../base/names.ts'

export const republishSchema = z.strictObject({ correlationId: reference })
