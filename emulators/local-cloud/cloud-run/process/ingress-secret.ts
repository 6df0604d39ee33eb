/** The secret with which each connection of the ingress to an instance begins. */

import { randomBytes } from 'node:crypto'

export const SECRET_BYTES = 32

export const newSecret = (): Buffer => randomBytes(SECRET_BYTES)
