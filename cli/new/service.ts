/** A service: its folder with contracts, description, handlers and test, and its line in functions/index.ts. */

import type { Service } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import { inVariable, keysOf, withImport, withItem } from './edit.ts'
import { contractOf, publishedContractOf } from './event.ts'
import { edited, type Existing, type Generated, RECORDS, refuseExisting } from './generated.ts'
import { camelCase, checkEventType, checkServiceName, contractsVariable, eventTypes, ownerOfEvent } from './names.ts'
import { checkRoles, publicFiles, publicNextSteps } from './public-service.ts'

const index = 'functions/index.ts'

export interface NewService {
  readonly name: string
  /** Types of the events that it subscribes to. */
  readonly on: readonly string[]
  /** Type of the event that it publishes; absent: none. */
  readonly emits?: string | undefined
  /** The roles of its callers, the ordinary one first, if it is public. Such a service subscribes to nothing and publishes nothing. */
  readonly roles?: readonly string[] | undefined
}

/** @throws UsageError */
export function makeService({ name, on, emits, roles }: NewService, { services, read }: Existing): Generated {
  checkServiceName(name, services)
  if (emits !== undefined) checkEventType(emits, services)
  const unknown = on.find((type) => ownerOfEvent(type, services) === undefined)
  if (unknown !== undefined)
    throw new UsageError(
      `There is no event "${unknown}" to subscribe to. The events are: ${eventTypes(services).join(', ')}.`,
    )
  if (roles !== undefined) checkRoles(roles)
  if (roles !== undefined && (on.length > 0 || emits !== undefined))
    throw new UsageError(
      `No message reaches a public service, and it owns none: leave out ${on.length > 0 ? '--on' : '--emits'}, or --public.`,
    )
  const folder = `functions/${name}`
  refuseExisting(read, [`${folder}/service.ts`])

  const variable = camelCase(name)
  const recorded = recordedBy({ name, on, emits })
  return {
    files: {
      [`${folder}/contracts.ts`]: contracts({ name, on, emits }),
      ...inFolder(
        folder,
        roles === undefined ? internalFiles({ name, on, emits }, services) : publicFiles(name, roles),
      ),
      [index]: edited(
        read,
        index,
        (text) => withItem(text, inVariable('numberedServices'), `${nextNumber(text)}: ${variable}`),
        (text) => withImport(text, variable, `./${name}/service.ts`),
      ),
    },
    nextSteps: [
      ...(roles === undefined
        ? [`Describe the service in ${folder}/service.ts, and write its rules in ${folder}/app.ts.`]
        : publicNextSteps(folder, roles)),
      ...(recorded === undefined
        ? []
        : [`Add the fields of ${recorded} in ${folder}/contracts.ts, with their values in its example. ${RECORDS}`]),
      // A service without handlers has no test of its own yet; these hold for every service.
      `Run npm test -- ${on.length === 0 ? 'test/architecture' : folder}, then npm run check; npm start runs the service.`,
    ],
  }
}

const inFolder = (folder: string, files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text]))

const internalFiles = (
  { name, on, emits }: NewService,
  services: readonly Service[],
): Readonly<Record<string, string>> => ({
  'service.ts': description(name, on, ownersOf(on, services)),
  'app.ts': app({ name, on, emits }),
  ...(on.length === 0 ? {} : { 'app.test.ts': test({ name, on, emits }, services) }),
})

/** A number is never reused for another service. */
const nextNumber = (text: string): number =>
  Math.max(-1, ...keysOf(text, inVariable('numberedServices')).map(Number)) + 1

const subject = (name: string): string => `The service ${name}`
const quoted = (types: readonly string[]): string => types.map((type) => `'${type}'`).join(', ')
/** The services whose contracts it uses for the events that it subscribes to. Every service has the contracts of the runtime. */
const ownersOf = (on: readonly string[], services: readonly Service[]): readonly string[] =>
  [...new Set(on.map((type) => ownerOfEvent(type, services)!))].filter((owner) => owner !== 'runtime').toSorted()
const importContracts = (service: string): string =>
  `import { ${contractsVariable(service)} } from '../${service}/contracts.ts'\n`

/** The type of the first recorded event of the service: a published event, or an event that stays in its stream. */
const recordedBy = ({ name, on, emits }: NewService): string | undefined =>
  emits ?? (on.length === 0 ? undefined : `${name}.recorded`)

function contracts({ name, on, emits }: NewService): string {
  const recorded = recordedBy({ name, on, emits })
  if (recorded === undefined)
    return `/** ${subject(name)} owns no messages. */

import { defineContracts } from '../../shared/contracts/contract.ts'

export const ${contractsVariable(name)} = defineContracts({ service: '${name}', events: {}, commands: {} })
`
  const contract = `{
    ${emits === undefined ? contractOf(recorded) : publishedContractOf(recorded)},
  }`
  return `/** The messages of ${name}. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference } from '../../shared/base/fields.ts'

export const ${contractsVariable(name)} = defineContracts({
  service: '${name}',
  events: ${emits === undefined ? `{},\n  recorded: ${contract}` : contract},
  commands: {},
})
`
}

const description = (
  name: string,
  on: readonly string[],
  owners: readonly string[],
): string => `/** ${subject(name)}${on.length === 0 ? '' : `: it reacts to ${on.join(', ')}`}. */

import { defineService } from '../../shared/service/service.ts'
${owners.map(importContracts).join('')}import { ${contractsVariable(name)} } from './contracts.ts'

export const ${camelCase(name)} = defineService({
  name: '${name}',
  ingress: 'internal',
  contracts: ${contractsVariable(name)},
  uses: [${owners.map(contractsVariable).join(', ')}],
  on: [${quoted(on)}],
  sends: [],
  collections: { streams: { unindexed: ['*'] } },
})
`

function app({ name, on, emits }: NewService): string {
  const implemented = `export const app: ServiceApp = implement(${camelCase(name)}, {
  on: {${on.map((type) => `\n    '${type}': react,`).join('')}${on.length === 0 ? '' : '\n  '}},
  commands: {},
})
`
  const recorded = recordedBy({ name, on, emits })
  if (on.length === 0)
    return `/** The handlers of ${name}. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { ${camelCase(name)} } from './service.ts'

${implemented}`
  return `/** The handlers of ${name}. */

import { implement } from '../../shared/service/app.ts'
import type { RecordOf } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { ${contractsVariable(name)} } from './contracts.ts'
import { ${camelCase(name)} } from './service.ts'

type Recorded = RecordOf<typeof ${contractsVariable(name)}>

/** One ${recorded} for each correlation id: a repeated event decides nothing. */
function react(message: Envelope, platform: Platform): Promise<Decision<Recorded>> {
  const id = message.correlationId
  return platform.streams.handle<Recorded>(message, id, ({ events }) => {
    if (events.some(({ type }) => type === '${recorded}')) return noChange
    return { events: [{ type: '${recorded}', data: { id } }], commands: [] }
  })
}

${implemented}`
}

function test({ name, on, emits }: NewService, services: readonly Service[]): string {
  const owners = ownersOf(on, services)
  const examples = on
    .map((type) => `  ['${type}', ${contractsVariable(ownerOfEvent(type, services)!)}.events['${type}'].example],\n`)
    .join('')
  const ofRuntime = on.some((type) => ownerOfEvent(type, services) === 'runtime')
  return `import { expect, it } from 'vitest'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
${ofRuntime ? "import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'\n" : ''}${owners.map(importContracts).join('')}import { app } from './app.ts'
import { ${camelCase(name)} } from './service.ts'

const id = 'id-1'

it.each([
${examples}])('%s is handled once, however often it is delivered', async (type, data) => {
  const platform = testPlatform(${camelCase(name)})
  for (const key of [1, 1, 2]) await deliver(app, platform, message(type, data, { subject: id, key }))
  expect([...platform.commitsByStream().values()].flat().flatMap(({ events }) => events)).toMatchObject([
    { type: '${recordedBy({ name, on, emits })}', data: { id } },
  ])
  expect(new Set(platform.published.map(({ id }) => id)).size).toBe(${emits === undefined ? 0 : 1})
})
`
}
