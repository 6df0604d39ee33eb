import { expect, test } from 'vitest'
import { DATABASE, ROOT, cloudWithDatabase, commit, get, int, set, text } from '../fake-cloud.testing.ts'

test('a document is stored as written, with its create and update times', async () => {
  const cloud = await cloudWithDatabase()
  const fields = {
    n: { nullValue: 'NULL_VALUE' },
    b: { booleanValue: true },
    big: int('9007199254740993'),
    d: { doubleValue: -0 },
    t: { timestampValue: { seconds: '1', nanos: 123_456_000 } },
    y: { bytesValue: Buffer.from([1, 2]) },
    r: { referenceValue: `${ROOT}/a/b` },
    g: { geoPointValue: { latitude: 1.5, longitude: -2 } },
    l: { arrayValue: { values: [int(1), { mapValue: { fields: { x: text('é') } } }] } },
  }
  const { commitTime } = await commit(cloud, set('a/1', fields))
  const document = await get(cloud, 'a/1')
  expect(document.fields).toEqual(fields)
  expect(document.createTime).toEqual(commitTime)
  expect(document.updateTime).toEqual(commitTime)
})

const missing = set('a/none', { x: int(1) })
test.each([
  [
    'create of an existing document',
    set('a/1', {}, { currentDocument: { exists: false } }),
    'ALREADY_EXISTS',
    `Document already exists: ${ROOT}/a/1`,
  ],
  [
    'update of a missing document',
    { ...missing, currentDocument: { exists: true } },
    'NOT_FOUND',
    `No document to update: ${ROOT}/a/none`,
  ],
  [
    'delete of a missing document',
    { delete: `${ROOT}/a/none`, currentDocument: { exists: true } },
    'NOT_FOUND',
    'No document to update',
  ],
  [
    'another update time',
    set('a/1', {}, { currentDocument: { updateTime: { seconds: '5', nanos: 0 } } }),
    'FAILED_PRECONDITION',
    'does not match the required base version (5000000)',
  ],
  [
    'an update time of a missing document',
    { ...missing, currentDocument: { updateTime: { seconds: '5', nanos: 0 } } },
    'FAILED_PRECONDITION',
    'the stored version (0) does not match the required base version (5000000)',
  ],
  [
    'a failed verify',
    { verify: `${ROOT}/a/none`, currentDocument: { exists: true } },
    'NOT_FOUND',
    'No document to update',
  ],
])('a precondition refuses %s, and the whole commit with it', async (_, write, code, message) => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('a/1', { x: int(1) }))
  cloud.counts.clear()
  await expect(commit(cloud, set('a/2', {}), write)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
  await expect(get(cloud, 'a/2')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `Document "${ROOT}/a/2" not found.`,
  })
  expect(cloud.counts.get('firestore.documentWrites')).toBeUndefined()
})

test('commit times grow strictly while the clock stands still, and a write that changes nothing keeps its time', async () => {
  const cloud = await cloudWithDatabase()
  const first = await commit(cloud, set('a/1', { x: int(1) }))
  const second = await commit(cloud, set('a/1', { x: int(1) }))
  const third = await commit(cloud, set('a/1', { x: { doubleValue: 1 } }))
  expect(second.commitTime.nanos).toBe(first.commitTime.nanos + 1000)
  expect(second.writeResults[0]?.updateTime).toEqual(first.commitTime)
  expect(third.writeResults[0]?.updateTime).toEqual(third.commitTime)
})

test('a mask changes the fields that it names and deletes those without a value', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('a/1', { keep: int(1), gone: int(2), m: { mapValue: { fields: { x: int(1), y: int(2) } } } }))
  const fields = { m: { mapValue: { fields: { y: int(3), z: int(9) } } } }
  await commit(cloud, set('a/1', fields, { updateMask: { fieldPaths: ['gone', 'm.y', 'm.`a-b`'] } }))
  expect((await get(cloud, 'a/1')).fields).toEqual({
    keep: int(1),
    m: { mapValue: { fields: { x: int(1), y: int(3) } } },
  })
})

test('transforms run in order and return the stored values', async () => {
  const cloud = await cloudWithDatabase()
  await cloud.clock.advance(1)
  const updateTransforms = [
    { fieldPath: 'n', increment: int(5) },
    { fieldPath: 'n', increment: { doubleValue: 0.5 } },
    { fieldPath: 'max', increment: int(1) },
    { fieldPath: 'm', maximum: { doubleValue: 2 } },
    { fieldPath: 'm', maximum: int(2) },
    { fieldPath: 'k', minimum: int(1) },
    { fieldPath: 'l', appendMissingElements: { values: [int(1), { doubleValue: 1 }, int(2)] } },
    { fieldPath: 'l', removeAllFromArray: { values: [int(2)] } },
    { fieldPath: 'at.server', setToServerValue: 'REQUEST_TIME' },
  ]
  const { writeResults, commitTime } = await commit(
    cloud,
    set('a/1', { max: int('9223372036854775807') }, { updateTransforms }),
  )
  const nothing = { nullValue: 'NULL_VALUE' }
  const timestampValue = { seconds: commitTime.seconds, nanos: Math.floor(commitTime.nanos / 1e6) * 1e6 }
  expect(writeResults[0]?.transformResults).toEqual([
    int(5),
    { doubleValue: 5.5 },
    int('9223372036854775807'),
    { doubleValue: 2 },
    { doubleValue: 2 },
    int(1),
    nothing,
    nothing,
    { timestampValue },
  ])
  expect((await get(cloud, 'a/1')).fields['l']).toEqual({ arrayValue: { values: [int(1)] } })
})

test('later writes of a commit see earlier ones of the same document, and the last one is stored', async () => {
  const cloud = await cloudWithDatabase()
  const increment = { updateMask: { fieldPaths: [] }, updateTransforms: [{ fieldPath: 'n', increment: int(1) }] }
  await commit(
    cloud,
    set('a/1', { n: int(1) }, { currentDocument: { exists: false } }),
    set('a/1', {}, increment),
    set('a/1', {}, increment),
  )
  expect((await get(cloud, 'a/1')).fields).toEqual({ n: int(3) })
})

const nested = (depth: number): object => (depth === 0 ? int(1) : { mapValue: { fields: { a: nested(depth - 1) } } })
test.each([
  ['a reserved id', set('a/__x__', {}), 'Resource id "__x__" is invalid because it is reserved.'],
  ['an id of two dots', set('a/..', {}), 'Resource id ".." is invalid.'],
  ['a name that is a collection', set('a', {}), 'even number of segments'],
  ['a long id', set(`a/${'x'.repeat(1501)}`, {}), '1500 bytes'],
  ['a long name', set(Array.from({ length: 6 }, () => 'x'.repeat(1100)).join('/'), {}), '6144 bytes'],
  ['a reserved field', set('a/1', { __f__: int(1) }), 'field name __f__ is reserved'],
  [
    'an array in an array',
    set('a/1', { f: { arrayValue: { values: [{ arrayValue: {} }] } } }),
    'Cannot convert an array value in an array value.',
  ],
  ['a value without a type', set('a/1', { f: {} }), 'Cannot convert firestore.v1.Value with type unset.'],
  ['twenty-one levels', set('a/1', { f: nested(21) }), 'Property f contains an invalid nested entity.'],
  [
    'a long value',
    set('a/1', { f: text('x'.repeat(1_048_488)) }),
    'The value of property "f" is longer than 1048487 bytes.',
  ],
  [
    'a document over 1 MiB',
    set('a/1', { f: text('x'.repeat(1_048_487)), g: text('y'.repeat(100)) }),
    'exceeds the maximum allowed size of 1,048,576 bytes',
  ],
  [
    '501 transforms',
    set('a/1', {}, { updateTransforms: Array.from({ length: 501 }, () => ({ fieldPath: 'n', increment: int(1) })) }),
    'at most 500',
  ],
  [
    'an increment by text',
    set('a/1', {}, { updateTransforms: [{ fieldPath: 'n', increment: text('z') }] }),
    'Input must be int64 or double.',
  ],
])('%s is refused', async (_, write, message) => {
  const cloud = await cloudWithDatabase()
  await expect(commit(cloud, write)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(message),
  })
})

test('the size of a document is computed as Google computes it', async () => {
  const cloud = await cloudWithDatabase()
  // Name: (1 + 1) + (1 + 1) + 16; field: (1 + 1) + length + 1; document: 32.
  const largest = 1_048_576 - 20 - 32 - 3
  const document = (length: number): object =>
    set('a/1', { f: text('x'.repeat(length - 1000)), g: text('y'.repeat(1000 - 3)) })
  await commit(cloud, document(largest))
  await expect(commit(cloud, document(largest + 1))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(commit(cloud, set('a/1', nestedFields(20)))).resolves.toBeDefined()
})

const nestedFields = (depth: number): object => ({ f: nested(depth) })

test('batchWrite writes each document independently', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('a/1', {}))
  const writes = [set('a/1', {}, { currentDocument: { exists: false } }), set('a/2', { x: int(1) })]
  const { status } = await cloud.call('batchWrite', { database: DATABASE, writes })
  expect(status).toEqual([{ code: 6, message: `Document already exists: ${ROOT}/a/1` }, { code: 0 }])
  expect((await get(cloud, 'a/2')).fields).toEqual({ x: int(1) })
  const twice = { database: DATABASE, writes: [set('a/2', {}), set('a/2', {})] }
  await expect(cloud.call('batchWrite', twice)).rejects.toThrow('the same document cannot be written more than once')
})

test('createDocument, updateDocument and deleteDocument are commits of one write', async () => {
  const cloud = await cloudWithDatabase()
  const created = await cloud.call('createDocument', {
    parent: ROOT,
    collectionId: 'a',
    documentId: '',
    document: { fields: { x: int(1) } },
  })
  expect(created.name).toMatch(/\/a\/[A-Za-z0-9]{20}$/)
  const document = { name: created.name, fields: { y: int(2) } }
  const updated = await cloud.call('updateDocument', { document, updateMask: { fieldPaths: ['y'] } })
  expect(updated.fields).toEqual({ x: int(1), y: int(2) })
  await cloud.call('deleteDocument', { name: created.name })
  await expect(cloud.call('getDocument', { name: created.name })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('listDocuments returns pages, and includes missing documents that have subcollections', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('a/1', {}), set('a/2', {}), set('a/3/b/4', {}), set('c/1', {}))
  const first = await cloud.call('listDocuments', { parent: ROOT, collectionId: 'a', pageSize: 1 })
  const second = await cloud.call('listDocuments', {
    parent: ROOT,
    collectionId: 'a',
    pageSize: 1,
    pageToken: first.nextPageToken,
  })
  expect([first, second].map(({ documents }) => documents[0].name)).toEqual([`${ROOT}/a/1`, `${ROOT}/a/2`])
  expect(second.nextPageToken).toBe('')
  const all = await cloud.call('listDocuments', { parent: ROOT, collectionId: 'a', showMissing: true })
  expect(all.documents[2]).toEqual({ name: `${ROOT}/a/3` })
  expect((await cloud.call('listCollectionIds', { parent: ROOT })).collectionIds).toEqual(['a', 'c'])
  expect((await cloud.call('listCollectionIds', { parent: `${ROOT}/a/3` })).collectionIds).toEqual(['b'])
})
