/** The public API: the operations that the services declare, behind the checks of `shared/edge`. */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RpcRecord } from '../../shared/contracts/rpc-record.ts'
import { serveOperations, type SubmittedAct } from '../../shared/edge/serve-operations.ts'
import type { EdgeCode } from '../../shared/service/edge-code.ts'
import { implement } from '../../shared/service/app.ts'
import type { GraphqlRecord } from '../../shared/service/public-api.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Caller } from '../../shared/service/operation.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { apisOf } from '../../shared/service/with-operations.ts'
import { services } from '../index.ts'
import { callerRoles, isStaff, requiredRoles } from '../shop/roles.ts'
import { accountStates } from './accounts.ts'
import { gateway } from './service.ts'
import { edgeSettings, graphqlDocuments, messageDocuments, otherSystemUrl, staffSecondFactor } from './settings.ts'
import { checkStaff } from './staff-tokens.ts'

const publicApi = await serveOperations(
  {
    description: {
      title: 'Millrace',
      text: 'Orders, products and stock.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    roles: callerRoles,
    access: requiredRoles,
    limits: edgeSettings,
    otherSystem: otherSystemUrl,
    subjectOf: actorOf,
    privilegedTokens(platform) {
      const secondFactor = platform.setting(staffSecondFactor)
      const accountStateOf = accountStates(platform)
      return (claims, at) => checkStaff(claims, { ...at, secondFactor, accountStateOf })
    },
    submitted: recordStaff,
    graphql: {
      load: graphqlRecord,
      isRecordedOnly: (platform) => platform.setting(graphqlDocuments) === 'recorded',
    },
    messages: { services, areServed: (platform) => platform.setting(messageDocuments) === 'served' },
  },
  apisOf(services),
  (service) => import(`../${service}/edge.ts`) as Promise<{ readonly edge: EdgeCode }>,
  rpcRecordOf,
)

/** Of a service whose operations are not recorded yet, none: its calls fail, and those of the others do not. */
async function rpcRecordOf(service: string): Promise<RpcRecord> {
  const file = new URL(`../${service}/rpc.json`, import.meta.url)
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as RpcRecord) : {}
}

async function graphqlRecord(): Promise<GraphqlRecord> {
  const [schema, documents] = await Promise.all(
    ['schema.graphql', 'documents.json'].map((name) => readFile(new URL(name, import.meta.url), 'utf8')),
  )
  return { schema: schema!, documents: JSON.parse(documents!) as GraphqlRecord['documents'] }
}

/** The person who acts, as security events and envelopes name them. */
function actorOf(caller: Caller): string {
  return `${isStaff(caller) ? 'staff' : 'customer'}:${caller.sub}`
}

/** Acts of staff, which concern other people's orders, are security events. */
function recordStaff(platform: Platform, { caller, request, command, commandId, subject }: SubmittedAct): void {
  if (!isStaff(caller)) return
  platform.security({
    event: 'staff.command',
    outcome: 'done',
    reason: `${command} was submitted to its owner`,
    ...request,
    act: { command, commandId, object: subject },
  })
}

export const app: ServiceApp = implement(gateway, { on: {}, commands: {}, publicApi })
