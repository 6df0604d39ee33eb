/** A public service: its roles and limits, and a public API with one operation, which tells the caller who signed in. */

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
  'settings.ts': settings(name, roles),
  'service.ts': description(name),
  'operations.ts': operations(name, roles.slice(1)),
  'app.ts': app(name),
})

export const publicNextSteps = (folder: string, roles: readonly string[]): readonly string[] => [
  `Give EDGE its limits in functions/index.ts, for ${[...roles, 'address'].join(', ')}: the settings of a public service have no default.`,
  `Give npm run token its roles in functions/tools.ts: ${roles.join(', ')}.`,
  `Write the public API: an entry in ${folder}/operations.ts and a handler in ${folder}/app.ts for each operation.`,
]

const settings = (name: string, [ordinary, ...privileged]: readonly string[]): string =>
  `/** The roles of the callers of ${name}, and the limits of one instance. functions/index.ts has their values. */

import { defineEdgeSettings } from '../../shared/service/edge-settings.ts'
import type { Roles } from '../../shared/service/operation.ts'

export const callerRoles = { ordinary: '${ordinary}', privileged: [${quoted(privileged)}] } as const satisfies Roles

export const edgeSettings = defineEdgeSettings([callerRoles.ordinary, ...callerRoles.privileged])
`

const description = (name: string): string =>
  `/** The public service ${name}: it owns no messages and keeps no data. */

import { tokenSettings } from '../../shared/service/edge-settings.ts'
import { defineService } from '../../shared/service/service.ts'
import { ${contractsVariable(name)} } from './contracts.ts'
import { edgeSettings } from './settings.ts'

export const ${camelCase(name)} = defineService({
  name: '${name}',
  ingress: 'public',
  contracts: ${contractsVariable(name)},
  uses: [],
  on: [],
  sends: [],
  settings: [edgeSettings, ...tokenSettings],
})
`

const operations = (name: string, privileged: readonly string[]): string =>
  `/** The public API of ${name} as data. */

import { z } from 'zod'
import type { Operations } from '../../shared/service/operation.ts'

/** The roles of each access; an empty list admits everyone who signed in. */
export const access = { everyone: []${privileged.length === 0 ? '' : `, privileged: [${quoted(privileged)}]`} } as const

export const operations = {
  readCaller: {
    method: 'get',
    path: '/v1/caller',
    summary: 'See who signed in',
    access: 'everyone',
    answers: { 200: ['The caller.', z.strictObject({ sub: z.string(), roles: z.array(z.string()) })] },
  },
} as const satisfies Operations<keyof typeof access>
`

const app = (name: string): string =>
  `/** The handlers of the public API. Token, role, key and body have been checked before. */

import { implement } from '../../shared/service/app.ts'
import { definePublicApi } from '../../shared/service/public-api.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { access, operations } from './operations.ts'
import { ${camelCase(name)} } from './service.ts'
import { callerRoles, edgeSettings } from './settings.ts'

const publicApi = definePublicApi({
  description: { title: '${name}', text: 'The public API of ${name}.' },
  roles: callerRoles,
  access,
  operations,
  limits: edgeSettings,
  subjectOf: ({ sub, roles }) => \`\${roles.find((role) => role !== callerRoles.ordinary) ?? callerRoles.ordinary}:\${sub}\`,
  handlers: () => ({
    readCaller: ({ c, caller: { sub, roles } }) => c.json({ sub, roles }, 200),
  }),
})

export const app: ServiceApp = implement(${camelCase(name)}, { on: {}, commands: {}, publicApi })
`
