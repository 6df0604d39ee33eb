/** What a connection of the ingress to an instance begins with. */

import { randomBytes } from 'node:crypto'

export const SECRET_BYTES = 32

export const newSecret = (): Buffer => randomBytes(SECRET_BYTES)
