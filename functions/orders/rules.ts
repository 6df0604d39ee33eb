/** The environment's settings of an order's rules. */

import type { Platform } from '../../shared/service/platform.ts'
import type { Rules } from './decide.ts'

export const rulesOf = (platform: Platform): Rules => ({
  cancellationWindowMs: Number(platform.setting('CANCELLATION_WINDOW_SECONDS')) * 1000,
})
