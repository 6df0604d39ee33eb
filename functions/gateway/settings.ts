/** The settings of the gateway: its limits, how staff sign in, and where its webhook is. functions/shop/settings.ts has most values. */

import { z } from 'zod'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'
import { defineEdgeSettings, type EdgeSettings as EdgeSettingsOf } from '../../shared/service/edge-settings.ts'
import { type Role, roles } from './roles.ts'

export type EdgeSettings = EdgeSettingsOf<Role>
export const edgeSettings = defineEdgeSettings(roles)

/** The address of Identity Platform, which reports disabled accounts and revoked sign-ins. */
export const accountsUrl = defineSetting('ACCOUNTS_URL', httpUrl)
export const staffSecondFactor = defineSetting('STAFF_SECOND_FACTOR', z.enum(['required', 'optional']))

/** The payment provider signs its webhooks for this address. */
export const paymentWebhookUrl = defineSetting('PAYMENT_WEBHOOK_URL', httpUrl)
/** The carrier signs its webhooks for this address. */
export const carrierWebhookUrl = defineSetting('CARRIER_WEBHOOK_URL', httpUrl)
