/** A query that a service answers: contract, handler with its test, frozen examples, and its name at the service that asks. */

import { UsageError } from '../command.ts'
import { withUse } from './command.ts'
import { inCall, inVariable, keysOf, withEntry, withImport, withItem, withListed } from './edit.ts'
import { withFields } from './event.ts'
import { declaring, edited, editedContracts, type Existing, type Generated, refuseExisting } from './generated.ts'
import { camelCase, checkQueryName, contractsVariable, kebabCase, messageOwner, serviceNamed } from './names.ts'

export interface NewQuery {
  readonly name: string
  /** Name of the service that answers it. */
  readonly owner: string | undefined
  /** Name of the service that asks it; absent: no service yet. */
  readonly caller: string | undefined
}

/** Where a project has it, a test reads data that was stored under earlier bounds by each query. */
const storedDataTest = 'test/architecture/stored-data.test.ts'

/** @throws UsageError */
export function makeQuery({ name, owner: answeredBy, caller }: NewQuery, { services, read }: Existing): Generated {
  checkQueryName(name, services)
  const owner = messageOwner(answeredBy, services, 'owner')
  const asker = caller === undefined ? undefined : serviceNamed(caller, 'asked-by', services)
  if (asker === owner)
    throw new UsageError(`${owner.name} needs no query for its own data: name another service by --asked-by.`)
  const [recorded] = Object.entries({ ...owner.contracts.events, ...owner.contracts.recorded })
  if (!('streams' in owner.collections) || !recorded)
    throw new UsageError(
      `${owner.name} records no event in a stream, which the query would read: run npm run new -- event NAME --service ${owner.name}, and have streams: { unindexed: ['*'] } in the collections of functions/${owner.name}/service.ts.`,
    )
  const [type] = recorded
  const list = type in owner.contracts.events ? 'events' : 'recorded'
  const folder = `functions/${owner.name}`
  const file = kebabCase(name)
  const testFile = `${folder}/${file}.test.ts`
  refuseExisting(read, [testFile])

  const path = `/${file}/{id}`
  const frozenFile = `${folder}/frozen-queries.json`
  const request = { method: 'get', path, parameters: { id: 'id-1' } }
  return {
    files: {
      ...editedContracts(
        read,
        folder,
        (text) =>
          withQuery(
            text,
            'defineContracts',
            `${name}: { method: 'get', path: '${path}', parameters: { id: reference }, answers: { 200: z.object({ id: reference }) }, refuses: ['not-found'] }`,
          ),
        withFields,
      ),
      [frozenFile]: withEntry(withEntry(read(frozenFile), name, request), `${name}@200`, { id: 'id-1' }),
      [`${folder}/app.ts`]: edited(
        read,
        `${folder}/app.ts`,
        (text) => withQuery(text, 'implement', handler(name)),
        (text) => withImport(text, 'Refused', '../../shared/base/errors.ts'),
      ),
      [testFile]: test({ name, file, owner: owner.name, list, type }),
      ...(asker?.ingress === 'internal' ? askerFiles(name, owner.name, asker.name, read) : {}),
      ...(read(storedDataTest) === undefined ? {} : { [storedDataTest]: withStoredData(name, file, read) }),
    },
    nextSteps: [
      `Add the fields of ${name} in ${folder}/contracts.ts, update its examples in ${frozenFile}, and write its rules in ${folder}/app.ts.`,
      asking(name, owner.name, asker),
      `Run npm test -- ${folder}, then npm run check.`,
    ],
  }
}

/** The call's argument with one more entry among its queries. */
function withQuery(text: string, callee: string, entry: string): string {
  const hasSome = keysOf(text, inCall(callee)).includes('queries')
  return hasSome
    ? withItem(text, inCall(callee, 'queries'), entry)
    : withItem(text, inCall(callee), `queries: { ${entry} }`)
}

function askerFiles(name: string, owner: string, asker: string, read: Existing['read']): Generated['files'] {
  const file = `functions/${asker}/service.ts`
  const listed = (text: string): string => withListed(text, 'defineService', 'queries', `'${name}'`)
  return { [file]: edited(read, file, listed, (text) => withUse(text, owner)) }
}

/** That test stores an event of the owner in the stream id-1. */
const withStoredData = (name: string, file: string, read: Existing['read']): string =>
  edited(read, storedDataTest, (text) =>
    withItem(text, inVariable('reads'), `${name}: { path: '/${file}/id-1', answer: { id: 'id-1' } }`),
  )

function asking(name: string, owner: string, asker: Existing['services'][number] | undefined): string {
  const contracts = contractsVariable(owner)
  if (asker?.ingress === 'public') return declaring(owner, `asks('${name}', …)`)
  if (!asker)
    return `Name it in "queries" of the service that asks it, with ${contracts} in "uses", and ask it there: a query that no service asks fails npm test.`
  return `Ask it in ${asker.name}: platform.query(${contracts}, '${name}', { id }). A query that is named and not asked fails npm test.`
}

/** An entry of `queries`. A handler that grows gets a file of its own. */
const handler = (name: string): string => `async ${name}({ id }, platform) {
  const { events } = await platform.streams.read(id)
  if (events.length === 0) throw new Refused('not-found', \`There is nothing of the id \${id}.\`)
  return { status: 200, body: { id } }
}`

interface Tested {
  readonly name: string
  readonly file: string
  readonly owner: string
  /** An event of the owner, and where its contracts have it. */
  readonly list: 'events' | 'recorded'
  readonly type: string
}

const test = ({ name, file, owner, list, type }: Tested): string => `import { expect, it } from 'vitest'
import type { Message } from '../../shared/contracts/message.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app } from './app.ts'
import { ${contractsVariable(owner)} } from './contracts.ts'
import { ${camelCase(owner)} } from './service.ts'

const { example } = ${contractsVariable(owner)}.${list}['${type}']
const id = 'id-1'

it('${name} is refused for an unknown id, and answers for a recorded one', async () => {
  const platform = testPlatform(${camelCase(owner)})
  const ask = () => serveQueries(app, platform).request(\`/${file}/\${id}\`)
  expect((await ask()).status).toBe(404)
  await platform.streams.handle<Message>(message('test', {}), id, () => ({
    events: [{ type: '${type}', data: example }],
    commands: [],
  }))
  const answer = await ask()
  expect([answer.status, await answer.json()]).toEqual([200, { id }])
})
`
