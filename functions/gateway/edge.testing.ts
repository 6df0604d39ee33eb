/** The gateway's limits for tests: none applies unless a test sets it. */

import { testEdgeFor } from '../../shared/edge/edge.testing.ts'
import { roles } from './roles.ts'
import type { EdgeSettings } from './settings.ts'

export const testEdge = (changes: Partial<EdgeSettings> = {}): string => testEdgeFor(roles, changes)
