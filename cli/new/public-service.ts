/** A public service: its roles and limits, and a first operation, whose answer says who signed in. */

import { UsageError } from '../command.ts'
import { camelCase, contractsVariable } from './names.ts'

/** The roles of `--public`, the ordinary one first. @throws UsageError */
export function checkRoles(roles: readonly string[]): void {
  const example = 'Take the roles of its callers, the ordinary one first, as in --public member,editor.'
  if (roles.length === 0) throw new UsageError(`--public names no role. ${example}`)
  const wrong = roles.find((role) => !/^[a-z][a-z0-9-]*$/.test(role))
  if (wrong !== undefined)
    throw new UsageError(`"${wrong}" can't name a role: it has lower-case letters, digits and hyphens. ${example}`)
  if (roles.includes('address'))
    throw new UsageError(`"address" can't name a role: the limits of one address have that name. ${example}`)
}

const quoted = (roles: readonly string[]): string => roles.map((role) => `'${role}'`).join(', ')

/** The files of a public service besides its contracts, by their names in its folder. */
export const publicFiles = (name: string, roles: readonly string[]): Readonly<Record<string, string>> => ({
  'roles.ts': rolesFile(roles),
  'settings.ts': settings(name),
  'service.ts': description(name),
  'api.ts': api(name),
  'edge.ts': edge(name),
  'app.ts': app(name),
})

export const publicNextSteps = (folder: string, roles: readonly string[]): readonly string[] => [
  `Give EDGE its limits in functions/index.ts, for ${[...roles, 'address'].join(', ')}: the settings of a public service have no default.`,
  `Give npm run token its roles in functions/tools.ts: ${roles.join(', ')}.`,
  `Declare the public operations of each service in its api.ts, by defineApi of ${folder}/roles.ts: docs/add-a-service.md, A public operation.`,
]

const rolesFile = ([ordinary, ...privileged]: readonly string[]): string =>
  `/** The roles of the callers of the public API, and the access that operations may declare. */

import { apisFor } from '../../shared/service/define-api.ts'
import type { Roles } from '../../shared/service/operation.ts'

export const callerRoles = { ordinary: '${ordinary}', privileged: [${quoted(privileged)}] } as const satisfies Roles

/** Any one of these roles is enough; an empty list admits everyone who signed in. */
export const access = { everyone: []${privileged.length === 0 ? '' : `, privileged: [${quoted(privileged)}]`} } as const

/** Declares the public operations of a service: functions/NAME/api.ts. */
export const defineApi = apisFor<${[ordinary!, ...privileged].map((role) => `'${role}'`).join(' | ')}, keyof typeof access>()
`

const settings = (name: string): string =>
  `/** The limits of one instance of ${name}. functions/index.ts has their values. */

import { defineEdgeSettings } from '../../shared/service/edge-settings.ts'
import { callerRoles } from './roles.ts'

export const edgeSettings = defineEdgeSettings([callerRoles.ordinary, ...callerRoles.privileged])
`

const description = (name: string): string =>
  `/** The public service ${name} serves the operations of all services. It owns no messages and keeps no data. */

import { tokenSettings } from '../../shared/service/edge-settings.ts'
import { defineService } from '../../shared/service/service.ts'
import { ${apiVariable(name)} } from './api.ts'
import { ${contractsVariable(name)} } from './contracts.ts'
import { edgeSettings } from './settings.ts'

export const ${camelCase(name)} = defineService({
  name: '${name}',
  ingress: 'public',
  contracts: ${contractsVariable(name)},
  api: ${apiVariable(name)},
  uses: [],
  on: [],
  sends: [],
  settings: [edgeSettings, ...tokenSettings],
})
`

const api = (name: string): string =>
  `/** The public operations that ${name} itself answers. */

import { z } from 'zod'
import { ${contractsVariable(name)} } from './contracts.ts'
import { defineApi } from './roles.ts'

export const ${apiVariable(name)} = defineApi(${contractsVariable(name)}, ({ handles }) => ({
  readCaller: handles({
    method: 'get',
    path: '/v1/caller',
    summary: 'See who signed in',
    access: 'everyone',
    answers: { 200: ['The caller.', z.strictObject({ sub: z.string(), roles: z.array(z.string()) })] },
  }),
}))
`

const edge = (name: string): string =>
  `/** The code of ${name} at the edge. Token, role, key and body have been checked before. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { ${apiVariable(name)} } from './api.ts'

export const edge = implementEdge(${apiVariable(name)}, {
  handlers: () => ({
    readCaller: ({ c, caller: { sub, roles } }) => c.json({ sub, roles: [...roles] }, 200),
  }),
})
`

const app = (name: string): string =>
  `/** The public API: the operations that the services declare. */

import { serveOperations } from '../../shared/edge/serve-operations.ts'
import { implement } from '../../shared/service/app.ts'
import type { EdgeCode } from '../../shared/service/edge-code.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { apisOf } from '../../shared/service/with-operations.ts'
import { services } from '../index.ts'
import { access, callerRoles } from './roles.ts'
import { ${camelCase(name)} } from './service.ts'
import { edgeSettings } from './settings.ts'

const publicApi = await serveOperations(
  {
    description: { title: '${name}', text: 'The public API of ${name}.' },
    roles: callerRoles,
    access,
    limits: edgeSettings,
    subjectOf: ({ sub, roles }) => \`\${roles.find((role) => role !== callerRoles.ordinary) ?? callerRoles.ordinary}:\${sub}\`,
  },
  apisOf(services),
  // Without the mark Vitest finds the code of the other services, and not that of this one.
  (service) => import(/* @vite-ignore */ \`../\${service}/edge.ts\`) as Promise<{ readonly edge: EdgeCode }>,
)

export const app: ServiceApp = implement(${camelCase(name)}, { on: {}, commands: {}, publicApi })
`

const apiVariable = (name: string): string => `${camelCase(name)}Api`
