/** Every message and query of these owners: its frozen example fits its contract, and old versions can be upcast. */

import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Contracts, MessageContract } from './contract.ts'
import { pathParametersOf, type QueryContract } from './query.ts'
import { readRecord, RECORD, withNewEntries } from './records.testing.ts'
import { upcastToCurrent } from './versions.ts'

export interface Owner {
  readonly name: string
  /** It has the frozen files; from the root of the repository. */
  readonly folder: string
  readonly contracts: Contracts
}

interface FrozenQuery {
  readonly method: string
  readonly path: string
  /** A value of each parameter. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Search parameters without which the owner refuses the query. */
  readonly required?: readonly string[]
  /** A value of each search parameter that came later: an owner of a former revision answers a request with it that it has no such route. */
  readonly added?: Readonly<Record<string, string>>
  /** One with all fields, and one with the required fields alone. */
  readonly bodies?: readonly unknown[]
}
const WHAT_MAY_CHANGE = `Revisions of caller and owner differ during a deployment. So method, path and parameters stay, no parameter and no field of a body is removed or becomes required, and no value that was taken is refused. A new search parameter is optional, and stands in \`added\`. A new field is optional: append a body with it, and let callers send it from the next deployment on. Any other change is a query of another name; the old one stays until no revision asks it.`

const fileIn = (folder: string, name: string): URL => new URL(`../../${folder}/${name}`, import.meta.url)

/** The frozen messages of an owner; while recording, with the examples that fit their contracts. */
function frozenMessagesOf({ folder, contracts }: Owner): Record<string, unknown> {
  const all = Object.entries<MessageContract>({ ...contracts.events, ...contracts.recorded, ...contracts.commands })
  const fitting = all.filter(([, { data, example }]) => isDeepStrictEqual(data.safeParse(example).data, example))
  return withNewEntries(
    fileIn(folder, 'frozen-messages.json'),
    Object.fromEntries(fitting.map(([type, { version, example }]) => [`${type}@${version}`, example])),
  )
}

/** The messages of each owner, with the file that holds their frozen examples. */
export const messagesOf = (owners: readonly Owner[], kind: 'events' | 'recorded' | 'commands') =>
  owners.flatMap(({ name, folder, contracts }) =>
    Object.entries<MessageContract>(contracts[kind] ?? {}).map(([type, contract]) => ({
      name,
      folder,
      file: `${folder}/frozen-messages.json`,
      type,
      contract,
    })),
  )

export const queriesOf = (owners: readonly Owner[]) =>
  owners.flatMap(({ name, folder, contracts }) =>
    Object.entries<QueryContract>(contracts.queries ?? {}).map(([query, contract]) => ({
      name,
      folder,
      query,
      contract,
    })),
  )

/** The names of all fields in a JSON Schema, or in a value. */
const fieldsOf = (node: unknown, ofSchema: boolean): readonly string[] => {
  if (typeof node !== 'object' || node === null) return []
  const { properties } = node as { readonly properties?: object }
  const own = Array.isArray(node) ? [] : Object.keys(ofSchema ? (properties ?? {}) : node)
  return [...own, ...Object.values(node).flatMap((value) => fieldsOf(value, ofSchema))]
}
const inSchema = (schema: z.ZodType): Set<string> =>
  new Set(fieldsOf(JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))), true))

/** Of JSON Schema. */
const BOUNDS = /"(?:minLength|maxLength|pattern|minItems|maxItems|propertyNames)":|"additionalProperties":false/
const INTEGER = `"minimum":${Number.MIN_SAFE_INTEGER},"maximum":${Number.MAX_SAFE_INTEGER}`

/** Declares the tests. */
export function testFrozen(owners: readonly Owner[]): void {
  /**
   * The events and commands of each owner, by `type@version`. Never change them, only add to them: streams, queues and dead
   * letters hold these shapes, and a redelivery sends what a commit recorded long ago.
   */
  const frozen: Record<string, unknown> = Object.assign({}, ...owners.map(frozenMessagesOf))
  /**
   * The requests of each query, by its name, and its answers, by `query@status`: during a deployment a caller may be of an
   * earlier or of a later revision than the owner.
   */
  const ofQueries = owners.flatMap(({ folder }) => Object.entries(readRecord(fileIn(folder, 'frozen-queries.json'))))
  const isAnswer = ([name]: readonly [string, unknown]): boolean => name.includes('@')
  const frozenAnswers = Object.fromEntries(ofQueries.filter(isAnswer))
  const frozenQueries = Object.fromEntries(ofQueries.filter((one) => !isAnswer(one))) as Readonly<
    Record<string, FrozenQuery>
  >

  const messages = [
    ...messagesOf(owners, 'events'),
    ...messagesOf(owners, 'recorded'),
    ...messagesOf(owners, 'commands'),
  ]
  const queries = queriesOf(owners)
  const answers = queries.flatMap(({ name, folder, query, contract }) =>
    Object.entries(contract.answers)
      .filter(([, schema]) => schema !== null)
      .map(([status, schema]) => ({ name, folder, answer: `${query}@${status}`, schema: schema! })),
  )

  describe.each(messages)('$type of $name', ({ file, type, contract }) => {
    it('has an example that fits its contract', () => {
      expect(contract.data.parse(contract.example)).toEqual(contract.example)
    })

    it('still upcasts the frozen example of each earlier version', () => {
      for (let version = 1; version <= contract.version; version++) {
        const example = frozen[`${type}@${version}`]
        expect(example, `"${type}@${version}" is not in ${file}: ${RECORD}`).toBeDefined()
        const schema = version === contract.version ? contract.data : contract.previousVersions![version]!.data
        expect(schema.parse(example)).toEqual(example)
        contract.data.parse(upcastToCurrent(contract, { type, version, data: example }))
      }
    })
  })

  describe.each(queries)('$query of $name', ({ contract }) => {
    it('has a schema for each parameter of its path', () => {
      expect(Object.keys(contract.parameters ?? {})).toEqual(expect.arrayContaining(pathParametersOf(contract)))
      expect(contract.path).not.toMatch(/^\/(events|commands|submissions|health)\//)
    })
  })

  it.each(queries)('the query $query of $name is still asked as its frozen requests', ({ folder, query, contract }) => {
    const frozen = frozenQueries[query]
    const file = `${folder}/frozen-queries.json`
    expect(
      frozen,
      `add "${query}" to ${file}: its method and path, a value of each parameter, and bodies`,
    ).toBeDefined()
    const { method, path, parameters = {}, required = [], added = {}, bodies = [] } = frozen!
    const wire = {
      method: contract.method,
      path: contract.path,
      parameters: Object.keys(contract.parameters ?? {}).toSorted(),
    }
    const all = { ...parameters, ...added }
    expect(wire, WHAT_MAY_CHANGE).toEqual({ method, path, parameters: Object.keys(all).toSorted() })
    for (const parameter of Object.keys(added)) {
      // With a default each caller would send it, and each owner of a former revision refuse the whole query.
      expect(
        contract.parameters![parameter]!.safeParse(undefined),
        `${parameter} is optional, and has no default`,
      ).toEqual({ success: true, data: undefined })
      expect(pathParametersOf(contract)).not.toContain(parameter)
    }
    const search = Object.entries(contract.parameters ?? {}).filter(
      ([name]) => !pathParametersOf(contract).includes(name),
    )
    const demanded = search.filter(([, schema]) => !schema.safeParse(undefined).success).map(([name]) => name)
    expect(demanded.toSorted(), `required of ${query} in ${file}: ${WHAT_MAY_CHANGE}`).toEqual(required.toSorted())
    for (const [parameter, value] of Object.entries(all))
      expect(contract.parameters![parameter]!.safeParse(value), `${parameter}: ${WHAT_MAY_CHANGE}`).toMatchObject({
        data: value,
      })
    expect(bodies.length > 0, `${file} has bodies for ${query} if its contract has a body. ${WHAT_MAY_CHANGE}`).toBe(
      contract.body !== undefined,
    )
    for (const body of bodies) expect(contract.body!.safeParse(body), WHAT_MAY_CHANGE).toMatchObject({ data: body })
    if (contract.body)
      expect(
        new Set(fieldsOf(bodies, false)),
        `Append a body with each new field to ${file}. ${WHAT_MAY_CHANGE}`,
      ).toEqual(inSchema(contract.body))
  })

  it('each frozen query is in the contracts', () => {
    expect(Object.keys(frozenQueries).toSorted()).toEqual(queries.map(({ query }) => query).toSorted())
  })

  it.each(answers)('the answer $answer of $name still accepts its frozen example', ({ folder, answer, schema }) => {
    const example = frozenAnswers[answer]
    expect(example, `add "${answer}" to ${folder}/frozen-queries.json, with an example`).toBeDefined()
    expect(schema.parse(example)).toEqual(example)
  })

  it.each(answers)('the answer $answer of $name has a shape and no bounds: stored data is answered', ({ schema }) => {
    const json = JSON.stringify(z.toJSONSchema(schema, { io: 'input' })).replaceAll(INTEGER, '"type":"integer"')
    expect(json).not.toMatch(BOUNDS)
    expect(json).not.toMatch(/"(?:minimum|maximum|exclusiveMinimum|exclusiveMaximum)":/)
  })

  it('each frozen answer belongs to a query', () => {
    expect(Object.keys(frozenAnswers).toSorted()).toEqual(answers.map(({ answer }) => answer).toSorted())
  })

  it('no frozen version is missing from the contracts', () => {
    const spoken = messages.flatMap(({ type, contract }) =>
      Array.from({ length: contract.version }, (_, index) => `${type}@${index + 1}`),
    )
    expect(Object.keys(frozen).toSorted()).toEqual(spoken.toSorted())
  })
}
