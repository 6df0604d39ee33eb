/** Every message and query of every service: its frozen example fits its contract, and old versions can be upcast. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { services } from '../../functions/index.ts'
import type { Contracts, EventContract } from '../../shared/contracts/contract.ts'
import { pathParametersOf, type QueryContract } from '../../shared/contracts/query.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { publishedBy } from '../../shared/service/service.ts'
import { upcastToCurrent } from '../../shared/contracts/versions.ts'
import { callersOf } from '../../stacks/service-variables.ts'

const queriesIn = ({ queries = {} }: Contracts): NonNullable<Contracts['queries']> => queries
const recordedIn = ({ recorded = {} }: Contracts): NonNullable<Contracts['recorded']> => recorded

const owners = [
  ...services.map(({ name, contracts }) => ({ name, folder: `functions/${name}`, contracts })),
  { name: runtimeContracts.service, folder: 'shared/contracts', contracts: runtimeContracts },
]

/** The merged contents of these files of all owners. */
const together = (name: string): Record<string, unknown> =>
  Object.assign({}, ...owners.map(({ folder }) => read(folder, name))) as Record<string, unknown>

/** Empty without the file. */
function read(folder: string, name: string): object {
  const file = join(import.meta.dirname, '..', '..', folder, name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object) : {}
}

/** The events of each owner, by `type@version`. Never change them, only add to them: streams and dead letters hold these shapes. */
const frozen = together('frozen-events.json')
/** The answers of each owner, by `query@status`: a caller may get those of an earlier revision during a deployment. */
const frozenAnswers = together('frozen-answers.json')

/**
 * Data of commands that were once sent. Never change them, only add to them: tasks wait in queues and dead letters for a month,
 * and a redelivery sends what a commit recorded long ago.
 */
const frozenCommands = owners.flatMap(({ name, folder }) =>
  Object.entries(read(folder, 'frozen-commands.json')).map(([command, data]) => ({ name, command, data })),
)

interface FrozenQuery {
  readonly method: string
  readonly path: string
  /** A value of each parameter. */
  readonly parameters?: Readonly<Record<string, string>>
  /** One with all fields, and one with the required fields alone. */
  readonly bodies?: readonly unknown[]
}
/** The requests of each query: a caller may be of an earlier or of a later revision than the owner during a deployment. */
const frozenQueries = together('frozen-queries.json') as Readonly<Record<string, FrozenQuery>>
const WHAT_MAY_CHANGE = `Revisions of caller and owner differ during a deployment. So method, path and the names of the parameters never change, no field of a body is removed or becomes required, and no value that was taken is refused. A new field is optional: append a body with it, and let callers send it from the next deployment on. Any other change is a query of another name; the old one stays until no revision asks it.`

const events = owners.flatMap(({ name, folder, contracts }) =>
  Object.entries<EventContract>(contracts.events).map(([type, contract]) => ({ name, folder, type, contract })),
)
const recorded = owners.flatMap(({ name, folder, contracts }) =>
  Object.entries<EventContract>(recordedIn(contracts)).map(([type, contract]) => ({ name, folder, type, contract })),
)
const commands = services.flatMap(({ name, contracts }) =>
  Object.entries(contracts.commands).map(([type, contract]) => ({ name, type, contract })),
)

const queries = services.flatMap(({ name, contracts }) =>
  Object.entries<QueryContract>(queriesIn(contracts)).map(([query, contract]) => ({ name, query, contract })),
)
const answers = queries.flatMap(({ name, query, contract }) =>
  Object.entries(contract.answers)
    .filter(([, schema]) => schema !== null)
    .map(([status, schema]) => ({ name, answer: `${query}@${status}`, schema: schema! })),
)

describe.each([...events, ...recorded])('$type of $name', ({ folder, type, contract }) => {
  it('has an example that fits its contract', () => {
    expect(contract.data.parse(contract.example)).toEqual(contract.example)
  })

  it('still upcasts the frozen example of each earlier version', () => {
    for (let version = 1; version <= contract.version; version++) {
      const example = frozen[`${type}@${version}`]
      expect(example, `add "${type}@${version}" to ${folder}/frozen-events.json, with its example`).toBeDefined()
      const schema = version === contract.version ? contract.data : contract.previousVersions![version]!.data
      expect(schema.parse(example)).toEqual(example)
      contract.data.parse(upcastToCurrent(contract, { type, version, data: example }))
    }
  })
})

describe.each(events)('$type of $name', ({ name, folder, type }) => {
  it('is published only by its owner, or by the services for which the runtime publishes it', () => {
    const publishers = services.filter((service) => publishedBy(service).includes(type))
    const expected = services.filter((service) =>
      folder === 'shared/contracts' ? service.saga : service.name === name,
    )
    expect(publishers).toEqual(expected)
  })
})

describe.each(commands)('$type of $name', ({ type, contract }) => {
  it('has an example that fits its contract', () => {
    expect(contract.data.parse(contract.example)).toEqual(contract.example)
  })

  it('is accepted only by its owner, and sent or submitted by at least one service', () => {
    expect(services.filter(({ accepts }) => accepts.includes(type))).toHaveLength(1)
    expect(services.some(({ sends, submits }) => [...sends, ...submits].includes(type))).toBe(true)
    // One that the gateway submits and its owner does not accept so would be refused at every request.
    const isSubmitted = services.some(({ submits }) => submits.includes(type))
    const isAccepted = services.some(({ acceptsSubmitted }) => acceptsSubmitted.includes(type))
    expect({ isAccepted }).toEqual({ isAccepted: isSubmitted })
  })
})

it.each(frozenCommands)('$name still takes $command as it was sent before', ({ name, command, data }) => {
  const contract = commands.find((one) => one.name === name && one.type === command)?.contract
  expect(contract, `${name} must keep ${command}: for a new name add a command, and keep this one`).toBeDefined()
  expect(() => contract!.data.parse(data), 'new fields of a command are optional').not.toThrow()
})

describe.each(queries)('$query of $name', ({ query, contract }) => {
  it('has a unique name, and is sent by at least one service', () => {
    expect(queries.filter((one) => one.query === query)).toHaveLength(1)
    expect(services.some((service) => service.queries.includes(query))).toBe(true)
  })

  it('has a schema for each parameter of its path', () => {
    expect(Object.keys(contract.parameters ?? {})).toEqual(expect.arrayContaining(pathParametersOf(contract)))
    expect(contract.path).not.toMatch(/^\/(events|commands|submissions|health)\//)
  })
})

/** The names of all fields in a JSON Schema, or in a value. */
const fieldsOf = (node: unknown, ofSchema: boolean): readonly string[] => {
  if (typeof node !== 'object' || node === null) return []
  const { properties } = node as { readonly properties?: object }
  const own = Array.isArray(node) ? [] : Object.keys(ofSchema ? (properties ?? {}) : node)
  return [...own, ...Object.values(node).flatMap((value) => fieldsOf(value, ofSchema))]
}
const inSchema = (schema: z.ZodType): Set<string> =>
  new Set(fieldsOf(JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))), true))

it.each(queries)('the query $query of $name is still asked as its frozen requests', ({ name, query, contract }) => {
  const frozen = frozenQueries[query]
  const file = `functions/${name}/frozen-queries.json`
  expect(frozen, `add "${query}" to ${file}: its method and path, a value of each parameter, and bodies`).toBeDefined()
  const { method, path, parameters = {}, bodies = [] } = frozen!
  const wire = {
    method: contract.method,
    path: contract.path,
    parameters: Object.keys(contract.parameters ?? {}).toSorted(),
  }
  expect(wire, WHAT_MAY_CHANGE).toEqual({ method, path, parameters: Object.keys(parameters).toSorted() })
  for (const [parameter, value] of Object.entries(parameters))
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

it.each(answers)('the answer $answer of $name still accepts its frozen example', ({ name, answer, schema }) => {
  const example = frozenAnswers[answer]
  expect(example, `add "${answer}" to functions/${name}/frozen-answers.json, with an example`).toBeDefined()
  expect(schema.parse(example)).toEqual(example)
})

/** Of JSON Schema. */
const BOUNDS = /"(?:minLength|maxLength|pattern|minItems|maxItems|propertyNames)":|"additionalProperties":false/
const INTEGER = `"minimum":${Number.MIN_SAFE_INTEGER},"maximum":${Number.MAX_SAFE_INTEGER}`

it.each(answers)('the answer $answer of $name has a shape and no bounds: stored data is answered', ({ schema }) => {
  const json = JSON.stringify(z.toJSONSchema(schema, { io: 'input' })).replaceAll(INTEGER, '"type":"integer"')
  expect(json).not.toMatch(BOUNDS)
  expect(json).not.toMatch(/"(?:minimum|maximum|exclusiveMinimum|exclusiveMaximum)":/)
})

it('each frozen answer belongs to a query', () => {
  expect(Object.keys(frozenAnswers).toSorted()).toEqual(answers.map(({ answer }) => answer).toSorted())
})

it('no frozen version is missing from the contracts', () => {
  const spoken = [...events, ...recorded].flatMap(({ type, contract }) =>
    Array.from({ length: contract.version }, (_, index) => `${type}@${index + 1}`),
  )
  expect(Object.keys(frozen).toSorted()).toEqual(spoken.toSorted())
})

it('queries and submissions never form a cycle', () => {
  const callees = new Map(
    services.map(({ name }) => [
      name,
      services.filter((callee) => callersOf(callee, services).includes(name)).map((callee) => callee.name),
    ]),
  )
  const visit = (name: string, path: readonly string[]): void => {
    expect(path).not.toContain(name)
    for (const callee of callees.get(name) ?? []) visit(callee, [...path, name])
  }
  for (const { name } of services) visit(name, [])
})
