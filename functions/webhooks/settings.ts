/** The setting of webhooks: where they may lead. */

import { z } from 'zod'
import { defineSetting } from '../../shared/base/setting.ts'

/** `public`: by https to addresses of the internet alone; `any`: to a program on this machine as well. */
export const webhookTargets = defineSetting('WEBHOOK_TARGETS', z.enum(['public', 'any']))
