/** Suites that compare all data before and after, then the commands of the documents, and at last a suite that removes resources. */

import { inTurn, sharePlatformInTurn } from '../../support/platform-in-turn.ts'

sharePlatformInTurn({ views: 'all' })

inTurn('bad messages', () => import('./bad-messages.testing.ts'))
inTurn('bad input', () => import('./bad-input.testing.ts'))
inTurn('an import', () => import('./import.testing.ts'))
inTurn('documents', () => import('./readme.testing.ts'))
inTurn('resources', () => import('../wiring/samples.testing.ts'))
