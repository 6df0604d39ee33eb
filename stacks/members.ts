/** The e-mail addresses and IAM members of the platform's accounts. */

import { accountEmail, accountId, cronAccountId, operationsAccountId, pushAccountId } from '../shared/base/names.ts'
import type { Environment } from './environments.ts'

export const serviceEmail = (service: string, { projectId }: Environment): string =>
  accountEmail(accountId(service), projectId)
export const pushEmail = (service: string, { projectId }: Environment): string =>
  accountEmail(pushAccountId(service), projectId)
export const cronEmail = (service: string, { projectId }: Environment): string =>
  accountEmail(cronAccountId(service), projectId)
export const operationsEmail = ({ projectId }: Environment): string => accountEmail(operationsAccountId, projectId)
export const operationsMember = (environment: Environment): string => `serviceAccount:${operationsEmail(environment)}`
export const serviceMember = (service: string, environment: Environment): string =>
  `serviceAccount:${serviceEmail(service, environment)}`
export const pushMember = (service: string, environment: Environment): string =>
  `serviceAccount:${pushEmail(service, environment)}`
export const cronMember = (service: string, environment: Environment): string =>
  `serviceAccount:${cronEmail(service, environment)}`
/** Pub/Sub's service agent: the provider has no resource that has its address. */
export const pubsubAgent = ({ projectNumber }: Environment): string =>
  `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`
