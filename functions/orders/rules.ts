/** The rules of an order whose values are settings of the environment. */

import type { Platform } from '../../shared/service/platform.ts'
import type { Rules } from './decide.ts'
import { releaseDelaySeconds } from './settings.ts'

export const rulesOf = (platform: Platform): Rules => ({
  releaseDelayMs: platform.setting(releaseDelaySeconds) * 1000,
})
