/** A command of a service: contract, handler with its test, and its name at the sender. */

import type { Service } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import { inCall, keysOf, namesIn, withImport, withItem, withListed } from './edit.ts'
import { contractOf, withFields } from './event.ts'
import {
  declaring,
  edited,
  editedContracts,
  type Existing,
  type Generated,
  RECORDS,
  refuseExisting,
} from './generated.ts'
import { camelCase, checkCommandName, contractsVariable, kebabCase, messageOwner, serviceNamed } from './names.ts'

export interface NewCommand {
  readonly name: string
  /** Name of the service that handles it. */
  readonly service: string | undefined
  /** Name of the service that sends it, which may be the same. A public one submits it to its owner instead. */
  readonly sentBy: string | undefined
}

/** @throws UsageError */
export function makeCommand({ name, service, sentBy }: NewCommand, { services, read }: Existing): Generated {
  checkCommandName(name, services)
  const owner = messageOwner(service, services)
  const sender = serviceNamed(sentBy, 'sent-by', services)
  if (!('streams' in owner.collections))
    throw new UsageError(
      `${owner.name} has no streams, in which a command records its decision: add streams: { unindexed: ['*'] } to the collections in functions/${owner.name}/service.ts, then run this again.`,
    )
  const folder = `functions/${owner.name}`
  const testFile = `${folder}/${kebabCase(name)}.test.ts`
  refuseExisting(read, [testFile])

  const recorded = recordedBy(name)
  const isSubmitted = sender.ingress === 'public'
  const listedIn = (list: string) => (text: string) => withListed(text, 'defineService', list, `'${name}'`)
  const use = (text: string): string => (owner === sender ? text : withUse(text, owner.name))
  const ownerFile = `${folder}/service.ts`
  const senderFile = `functions/${sender.name}/service.ts`
  return {
    files: {
      ...editedContracts(
        read,
        folder,
        (text) =>
          withItem(
            text,
            inCall('defineContracts', 'commands'),
            `${name}: { version: 1, data: z.strictObject({ id: reference }), example: { id: 'id-1' } }`,
          ),
        (text) => withRecorded(text, recorded),
        withFields,
      ),
      ...(isSubmitted
        ? { [ownerFile]: edited(read, ownerFile, listedIn('acceptsSubmitted')) }
        : { [senderFile]: edited(read, senderFile, listedIn('sends'), use) }),
      [`${folder}/app.ts`]: edited(
        read,
        `${folder}/app.ts`,
        (text) => withItem(text, inCall('implement', 'commands'), handler(name, owner.name)),
        (text) => withImport(text, 'noChange', '../../shared/service/platform.ts'),
        (text) => withImport(text, 'RecordOf', '../../shared/contracts/contract.ts', true),
        (text) => withImport(text, contractsVariable(owner.name), './contracts.ts', true),
      ),
      [testFile]: test(name, owner.name),
    },
    nextSteps: [
      `Add the fields of ${name} in ${folder}/contracts.ts, with their values in its example, and write its rules in ${folder}/app.ts. ${RECORDS}`,
      sending(name, owner, sender),
      `Run npm test -- ${folder}, then npm run check.`,
    ],
  }
}

function sending(name: string, owner: Service, sender: Service): string {
  if (sender.ingress === 'public') return declaring(owner.name, `submits('${name}', …)`)
  return `Return { type: '${name}', data: … } among the commands of a Decision<…, SentBy<typeof ${camelCase(sender.name)}>> of ${sender.name}.`
}

/** A service's description with the owner's contracts among the contracts that it uses. */
export function withUse(text: string, owner: string): string {
  const find = inCall('defineService', 'uses')
  const variable = contractsVariable(owner)
  if (namesIn(text, find).includes(variable)) return text
  return withImport(withItem(text, find, variable), variable, `../${owner}/contracts.ts`)
}

/** The recorded event that makes a repeated command decide nothing. */
const recordedBy = (name: string): string => `${kebabCase(name)}.handled`

/** The owner's contracts with one more event that stays in its streams. */
function withRecorded(text: string, type: string): string {
  const hasSome = keysOf(text, inCall('defineContracts')).includes('recorded')
  return hasSome
    ? withItem(text, inCall('defineContracts', 'recorded'), contractOf(type))
    : withItem(text, inCall('defineContracts'), `recorded: { ${contractOf(type)} }`)
}

/** An entry of `commands`. A handler that grows gets a file of its own. */
const handler = (name: string, owner: string): string => `${name}(message, platform) {
  const { id } = message.data
  return platform.streams.handle<RecordOf<typeof ${contractsVariable(owner)}>>(message, id, ({ events }) => {
    // A repeated command decides nothing.
    if (events.some(({ type }) => type === '${recordedBy(name)}')) return noChange
    return { events: [{ type: '${recordedBy(name)}', data: { id } }], commands: [] }
  })
}`

const test = (name: string, owner: string): string => `import { expect, it } from 'vitest'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { ${contractsVariable(owner)} } from './contracts.ts'
import { ${camelCase(owner)} } from './service.ts'

const { example } = ${contractsVariable(owner)}.commands.${name}

it('${name} is handled once, however often it is delivered', async () => {
  const platform = testPlatform(${camelCase(owner)})
  for (const key of [1, 1, 2]) await deliver(app, platform, message('${name}', example, { key }))
  expect([...platform.commitsByStream().values()].flat().flatMap(({ events }) => events)).toMatchObject([
    { type: '${recordedBy(name)}', data: { id: example.id } },
  ])
})
`
