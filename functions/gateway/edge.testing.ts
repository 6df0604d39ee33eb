/** The gateway for tests: as it runs, with limits of which none applies unless a test sets it. */

import { testEdgeFor } from '../../shared/edge/edge.testing.ts'
import type { Service } from '../../shared/service/service.ts'
import { services } from '../index.ts'
import { roles } from '../shop/roles.ts'
import type { EdgeSettings } from './settings.ts'

/** With all that follows from the operations of the services. */
export const gateway: Service = services.find(({ ingress }) => ingress === 'public')!

/** The gateway's settings beside its limits, with an issuer that no test uses. */
export const unusedIssuer = {
  TOKEN_ISSUER: 'https://issuer.example.com',
  TOKEN_AUDIENCE: 'shop',
  TOKEN_JWKS_URL: 'http://127.0.0.1:1/jwks',
  ACCOUNTS_URL: 'https://accounts.example.com',
  STAFF_SECOND_FACTOR: 'required',
  OTHER_SYSTEM_URL: 'off',
  MESSAGE_DOCUMENTS: 'served',
}

export const testEdge = (changes: Partial<EdgeSettings> = {}): string => testEdgeFor(roles, changes)
