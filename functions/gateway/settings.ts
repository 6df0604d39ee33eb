/** The settings of the gateway: its limits, and how staff sign in. functions/shop/settings.ts has most values. */

import { z } from 'zod'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'
import { defineEdgeSettings, type EdgeSettings as EdgeSettingsOf } from '../../shared/service/edge-settings.ts'
import { type Role, roles } from '../shop/roles.ts'

export type EdgeSettings = EdgeSettingsOf<Role>
export const edgeSettings = defineEdgeSettings(roles)

/** The address of Identity Platform, which reports disabled accounts and revoked sign-ins. */
export const accountsUrl = defineSetting('ACCOUNTS_URL', httpUrl)
/** The address of a shop that this one replaces step by step (docs/strangler.md), or `off`. */
export const otherSystemUrl = defineSetting('OTHER_SYSTEM_URL', z.union([z.literal('off'), httpUrl]))
export const staffSecondFactor = defineSetting('STAFF_SECOND_FACTOR', z.enum(['required', 'optional']))
/** `withheld`: the document and the page of the messages between the services are not there. */
export const messageDocuments = defineSetting('MESSAGE_DOCUMENTS', z.enum(['served', 'withheld']))
/** `recorded`: GraphQL answers the documents of `documents.json` alone, and no introspection. */
export const graphqlDocuments = defineSetting('GRAPHQL_DOCUMENTS', z.enum(['any', 'recorded']))
