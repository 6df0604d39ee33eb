/** Suites of a platform whose secrets have the version 1, and of which two services have workers that pull their events. */

import { inTurn, sharePlatformInTurn } from '../../support/platform-in-turn.ts'

sharePlatformInTurn({ seeded: false, secretVersion: '1', pulled: ['history', 'notifications'] })

inTurn('secrets', () => import('./secrets.testing.ts'))
inTurn('pulled', () => import('./pulled.testing.ts'))
