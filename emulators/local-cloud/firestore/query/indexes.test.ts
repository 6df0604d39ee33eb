import { expect, onTestFinished, test, vi } from 'vitest'
import { DATABASE, ROOT, type FakeCloud, cloudWithDatabase, commit, int, queryIds, set } from '../fake-cloud.testing.ts'

const equal = (fieldPath: string): object => ({ fieldFilter: { field: { fieldPath }, op: 'EQUAL', value: int(1) } })
const above = (fieldPath: string): object => ({
  fieldFilter: { field: { fieldPath }, op: 'GREATER_THAN', value: int(0) },
})
const contains = (fieldPath: string): object => ({
  fieldFilter: { field: { fieldPath }, op: 'ARRAY_CONTAINS', value: int(1) },
})
const oneOf = (fieldPath: string): object => ({
  fieldFilter: { field: { fieldPath }, op: 'IN', value: { arrayValue: { values: [int(1), int(2)] } } },
})
const where = (...filters: object[]): object => ({ where: { compositeFilter: { op: 'AND', filters } } })
const either = (...filters: object[]): object => ({ where: { compositeFilter: { op: 'OR', filters } } })
const by = (...fields: string[]): object => ({
  orderBy: fields.map((field) => ({
    field: { fieldPath: field.replace('-', '') },
    direction: field.startsWith('-') ? 'DESCENDING' : 'ASCENDING',
  })),
})

const run = (cloud: FakeCloud, query: object, allDescendants = false): Promise<string[]> =>
  queryIds(cloud, { from: [{ collectionId: 'c', allDescendants }], ...query })

const fieldOf = (text: string): object => {
  const fieldPath = text.replace(/^[-@]/, '')
  if (text.startsWith('@')) return { fieldPath, arrayConfig: 'CONTAINS' }
  return { fieldPath, order: text.startsWith('-') ? 'DESCENDING' : 'ASCENDING' }
}
const createIndex = (
  cloud: FakeCloud,
  fields: string[],
  queryScope = 'COLLECTION',
): Promise<{ response: { name: string } }> =>
  cloud.admin('createIndex', {
    parent: `${DATABASE}/collectionGroups/c`,
    index: { queryScope, fields: fields.map(fieldOf) },
  })

test.each<[string, object]>([
  ['no filter', {}],
  ['one field', where(equal('a'))],
  ['several equal fields', where(equal('a'), equal('b'), equal('d'))],
  ['a range and the order it implies', where(above('a'))],
  ['a range and its own order', { ...where(above('a')), ...by('-a') }],
  ['an order', by('-a')],
  ['equal and array', where(equal('a'), contains('b'))],
  ['equal and a range on the same field', where(equal('a'), above('a'))],
  ['equal, ordered by the same', { ...where(equal('a')), ...by('a') }],
  ['OR of equal fields', either(equal('a'), equal('b'))],
  ['one of several values', where(oneOf('a'), equal('b'))],
  ['descending names of equal fields', { ...where(equal('a'), equal('b')), ...by('-__name__') }],
])('single-field indexes serve %s', async (_, query) => {
  await expect(run(await cloudWithDatabase(), query)).resolves.toEqual([])
})

test.each<[string, object, string[][], string[][]]>([
  [
    'equal and order',
    { ...where(equal('a')), ...by('-b') },
    [['a', '-b']],
    [
      ['a', 'b'],
      ['-b', 'a'],
    ],
  ],
  ['equal and range', where(equal('a'), above('b')), [['-a', 'b']], [['a', '-b']]],
  [
    'two orders',
    by('a', '-b'),
    [['a', '-b']],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
  ],
  ['two ranges', where(above('b'), above('a')), [['a', 'b']], [['b', 'a']]],
  ['array and order', { ...where(contains('t')), ...by('a') }, [['@t', 'a']], [['t', 'a']]],
  ['several equal and an order', { ...where(equal('a'), equal('b')), ...by('d') }, [['b', 'a', 'd']], [['a', 'd']]],
  ['values and order', { ...where(oneOf('a')), ...by('d') }, [['a', 'd']], [['d', 'a']]],
])('%s needs its composite index', async (_, query, serving, useless) => {
  const cloud = await cloudWithDatabase()
  await expect(run(cloud, query)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringMatching(
      /^The query requires an index\. You can create it here: curl -X POST 'http:\/\/127\.0\.0\.1:4100\/v1\/\S+\/collectionGroups\/c\/indexes' .+ \(collection c/,
    ),
  })
  for (const fields of useless) await createIndex(cloud, fields)
  await expect(run(cloud, query)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  const { response } = await createIndex(cloud, serving[0] as string[])
  await run(cloud, query)
  await cloud.admin('deleteIndex', { name: response.name })
  await expect(run(cloud, query)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
})

test('the error names the fields of the index to create', async () => {
  const cloud = await cloudWithDatabase()
  await expect(run(cloud, { ...where(equal('status')), ...by('-at') })).rejects.toThrow(
    'fields status ASC, at DESC, __name__ DESC',
  )
})

test('indexes with the same order are merged for one query', async () => {
  const cloud = await cloudWithDatabase()
  await createIndex(cloud, ['a', 'd'])
  await createIndex(cloud, ['b', 'd'])
  await expect(run(cloud, { ...where(equal('a'), equal('b')), ...by('d') })).resolves.toEqual([])
})

test('a sum over a filter needs an index with the summed field', async () => {
  const cloud = await cloudWithDatabase()
  const sum = {
    parent: ROOT,
    structuredAggregationQuery: {
      structuredQuery: { from: [{ collectionId: 'c' }], ...where(equal('a')) },
      aggregations: [{ sum: { field: { fieldPath: 'n' } } }],
    },
  }
  await expect(cloud.stream('runAggregationQuery', sum)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  await createIndex(cloud, ['a', 'n'])
  await cloud.stream('runAggregationQuery', sum)
})

test('a collection group needs an index of its own scope', async () => {
  const cloud = await cloudWithDatabase()
  await expect(run(cloud, {}, true)).resolves.toEqual([])
  await expect(run(cloud, where(equal('a')), true)).rejects.toThrow(
    'The query requires a COLLECTION_GROUP_ASC index for collection c and field a.',
  )
  const indexes = [{ queryScope: 'COLLECTION_GROUP', fields: [fieldOf('a')] }]
  await cloud.admin('updateField', {
    field: { name: `${DATABASE}/collectionGroups/c/fields/a`, indexConfig: { indexes } },
  })
  await expect(run(cloud, where(equal('a')), true)).resolves.toEqual([])
  await expect(run(cloud, where(equal('a')))).rejects.toThrow('COLLECTION_ASC')
})

test('an exempted field and its nested fields are in no index', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { events: int(1) }))
  const name = `${DATABASE}/collectionGroups/c/fields/events`
  await cloud.admin('updateField', {
    field: { name, indexConfig: { indexes: [] } },
    updateMask: { paths: ['index_config'] },
  })
  await expect(run(cloud, where(equal('events')))).rejects.toThrow(
    'The query requires a COLLECTION_ASC index for collection c and field events.',
  )
  await expect(run(cloud, where(contains('events.type')))).rejects.toThrow(
    'COLLECTION_CONTAINS index for collection c and field events.type',
  )
  await expect(run(cloud, by('-events'))).rejects.toThrow('COLLECTION_DESC')
  expect(await cloud.admin('getField', { name })).toMatchObject({
    indexConfig: { indexes: [], usesAncestorConfig: false },
  })
  await cloud.admin('updateField', { field: { name }, updateMask: { paths: ['index_config'] } })
  await expect(run(cloud, where(equal('events')))).resolves.toEqual(['1'])
  expect(await cloud.admin('getField', { name })).toMatchObject({ indexConfig: { usesAncestorConfig: true } })
})

test('an exemption of all fields of a collection leaves it without automatic indexes, but for fields with their own', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { a: int(1), b: int(1), kept: int(1), map: { mapValue: { fields: { x: int(1) } } } }))
  const nameOf = (path: string): string => `${DATABASE}/collectionGroups/c/fields/${path}`
  const override = (path: string, ...indexes: object[]): Promise<object> =>
    cloud.admin('updateField', { field: { name: nameOf(path), indexConfig: { indexes } } })
  await override('*', { queryScope: 'COLLECTION', fields: [{ fieldPath: '*', order: 'DESCENDING' }] })
  await override('kept', { queryScope: 'COLLECTION', fields: [{ fieldPath: 'kept', order: 'ASCENDING' }] })
  await expect(run(cloud, where(equal('a')))).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('The query requires a COLLECTION_ASC index for collection c and field a.'),
  })
  await expect(run(cloud, where(contains('map.x')))).rejects.toThrow(
    'COLLECTION_CONTAINS index for collection c and field map.x',
  )
  await expect(run(cloud, where(equal('a'), equal('b')))).rejects.toThrow('The query requires an index.')
  await expect(run(cloud, by('-a'))).resolves.toEqual(['1'])
  await expect(run(cloud, where(equal('kept')))).resolves.toEqual(['1'])
  await expect(run(cloud, {})).resolves.toEqual(['1'])
  expect(await cloud.admin('getField', { name: nameOf('*') })).toEqual({
    name: nameOf('*'),
    indexConfig: {
      indexes: [
        {
          queryScope: 'COLLECTION',
          apiScope: 'ANY_API',
          fields: [{ fieldPath: '*', order: 'DESCENDING' }],
          state: 'READY',
        },
      ],
      usesAncestorConfig: false,
    },
  })
  expect(await cloud.admin('getField', { name: nameOf('a') })).toMatchObject({
    indexConfig: {
      usesAncestorConfig: true,
      ancestorField: nameOf('*'),
      indexes: [{ fields: [{ order: 'DESCENDING' }] }],
    },
  })
  await cloud.admin('updateField', { field: { name: nameOf('*') }, updateMask: { paths: ['index_config'] } })
  await expect(run(cloud, where(equal('a')))).resolves.toEqual(['1'])
  expect(await cloud.admin('getField', { name: nameOf('*') })).toMatchObject({
    indexConfig: { ancestorField: `${DATABASE}/collectionGroups/__default__/fields/*` },
  })
})

test('without enforcement a missing index is logged and the query is served', async () => {
  const cloud = await cloudWithDatabase({ indexes: 'off' })
  await expect(run(cloud, by('a', 'b'))).resolves.toEqual([])
  await run(cloud, by('a', 'b'))
  expect([...cloud.core.missingIndexes.values()]).toEqual([
    {
      collectionId: 'c',
      scope: 'COLLECTION',
      fields: [
        { path: 'a', kind: 'ASCENDING' },
        { path: 'b', kind: 'ASCENDING' },
        { path: '__name__', kind: 'ASCENDING' },
      ],
    },
  ])
})

test('with a warning in place of the error the index is named on stderr once, and the query is served', async () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => written.mockRestore())
  const cloud = await cloudWithDatabase({ indexes: 'warn' })
  await expect(run(cloud, by('a', 'b'))).resolves.toEqual([])
  await run(cloud, by('a', 'b'))
  expect(written.mock.calls).toEqual([
    [expect.stringMatching(/^Firestore would need an index for a query in \S+: collection c, scope COLLECTION, .*\n$/)],
  ])
})

test.each<[string, string[], string, string]>([
  ['a single field', ['a'], 'INVALID_ARGUMENT', 'this index is not necessary'],
  ['two arrays', ['@a', '@b'], 'INVALID_ARGUMENT', 'more than one array field'],
  ['the same field twice', ['a', '-a'], 'INVALID_ARGUMENT', 'duplicate fields'],
  ['one that exists', ['x', 'y'], 'ALREADY_EXISTS', 'index already exists'],
])('an index of %s is refused', async (_, fields, code, message) => {
  const cloud = await cloudWithDatabase()
  await createIndex(cloud, ['x', 'y'])
  await expect(createIndex(cloud, fields)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
})
