/** The gateway for tests: as it runs, with limits of which none applies unless a test sets it. */

import { testEdgeFor } from '../../shared/edge/edge.testing.ts'
import type { Service } from '../../shared/service/service.ts'
import { services } from '../index.ts'
import { roles } from '../shop/roles.ts'
import type { EdgeSettings } from './settings.ts'

/** With all that follows from the operations of the services. */
export const gateway: Service = services.find(({ ingress }) => ingress === 'public')!

export const testEdge = (changes: Partial<EdgeSettings> = {}): string => testEdgeFor(roles, changes)
