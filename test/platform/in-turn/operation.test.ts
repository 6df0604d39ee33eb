/** Suites that count what a platform did from its start, and then disturb it. */

import { inTurn, sharePlatformInTurn } from '../../support/platform-in-turn.ts'

sharePlatformInTurn({ views: 'all' })

inTurn('processes', () => import('./processes.testing.ts'))
inTurn('reconciliation', () => import('./reconciliation.testing.ts'))
inTurn('budgets', () => import('../budget/budget.testing.ts'))
inTurn('degradation', () => import('./degradation.testing.ts'))
