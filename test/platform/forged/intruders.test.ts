/** Suites that send what must be refused to a platform without orders, and end its services. */

import { inTurn, sharePlatformInTurn } from '../../support/platform-in-turn.ts'

sharePlatformInTurn({ seeded: false })

inTurn('forged tokens', () => import('./forged-tokens.testing.ts'))
inTurn('own ports', () => import('./own-ports.testing.ts'))
inTurn('the secret of a run', () => import('../security/secret.testing.ts'))
