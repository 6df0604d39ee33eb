import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { fakeCloud, type FakeCloud, pullNow, SUBSCRIPTION, TOPIC } from '../fake-cloud.testing.ts'

const NAME = 'projects/p/schemas/province'
const avro = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'Province', fields: [{ name: 'name', type: 'string' }, ...fields] })
const proto = (...lines: string[]): string =>
  ['syntax = "proto3";', 'message Province {', '  string name = 1;', ...lines, '}'].join('\n')

const refusal = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) })

interface Revision {
  readonly revisionId: string
  readonly definition?: string
}

const create = (cloud: FakeCloud, definition = avro(), type = 'AVRO') =>
  cloud.core.schemas.createSchema({
    parent: 'projects/p',
    schemaId: 'province',
    schema: { type, definition },
  }) as Revision
const commit = (cloud: FakeCloud, definition: string, type = 'AVRO') =>
  cloud.core.schemas.commitSchema({ name: NAME, schema: { name: NAME, type, definition } }) as Revision

/** A topic of the schema, with a subscription. */
function withTopic(cloud: FakeCloud, settings: object = {}): FakeCloud {
  cloud.core.publisher.createTopic({ name: TOPIC, schemaSettings: { schema: NAME, encoding: 'JSON', ...settings } })
  cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC })
  return cloud
}
const publish = (cloud: FakeCloud, data: unknown) =>
  cloud.core.publisher.publish({
    topic: TOPIC,
    messages: [{ data: Buffer.isBuffer(data) ? data : Buffer.from(JSON.stringify(data)), attributes: { own: 'x' } }],
  })

describe('a schema', () => {
  it('has revisions, which survive a kill of the process', () => {
    const cloud = fakeCloud({ onDisk: true })
    const first = create(cloud)
    const second = commit(cloud, avro({ name: 'code', type: 'string', default: '' }))
    expect(first.revisionId).toMatch(/^[0-9a-f]{8}$/)
    expect(second.revisionId).not.toBe(first.revisionId)
    const { schemas } = cloud.killed().core
    expect(schemas.getSchema({ name: NAME })).toMatchObject({ name: NAME, type: 'AVRO', ...second })
    expect(schemas.getSchema({ name: `${NAME}@${first.revisionId}` })).toMatchObject(first)
    expect(schemas.getSchema({ name: NAME, view: 'BASIC' })).not.toHaveProperty('definition')
    const listed = schemas.listSchemaRevisions({ name: NAME, view: 'FULL', pageSize: 1 })
    expect(listed).toMatchObject({ schemas: [second], nextPageToken: expect.stringMatching(/./) })
    const { nextPageToken: pageToken } = listed as { nextPageToken: string }
    expect(schemas.listSchemaRevisions({ name: NAME, pageToken })).toMatchObject({
      schemas: [{ revisionId: first.revisionId }],
      nextPageToken: '',
    })
    const back = schemas.rollbackSchema({ name: NAME, revisionId: first.revisionId }) as Revision
    expect(back).toMatchObject({ definition: first.definition })
    expect([first.revisionId, second.revisionId]).not.toContain(back.revisionId)
    expect(schemas.deleteSchemaRevision({ name: `${NAME}@${back.revisionId}` })).toMatchObject(second)
    expect(() => schemas.rollbackSchema({ name: NAME, revisionId: back.revisionId })).toThrow(
      refusal('NOT_FOUND', back.revisionId),
    )
    schemas.deleteSchemaRevision({ name: NAME, revisionId: first.revisionId })
    expect(() => schemas.deleteSchemaRevision({ name: `${NAME}@${second.revisionId}` })).toThrow(
      refusal('FAILED_PRECONDITION', 'has no other revision'),
    )
  })

  it('has at most 20 revisions', () => {
    const cloud = fakeCloud()
    create(cloud)
    for (let count = 1; count < 20; count++) commit(cloud, avro())
    expect(() => commit(cloud, avro())).toThrow(refusal('RESOURCE_EXHAUSTED', '20 revisions'))
  })

  it.each([
    ['AVRO', '{"not_actually":"avro"}', 'it is no Avro schema'],
    ['AVRO', 'woohoo i am a schema, no really', 'it is no Avro schema'],
    ['AVRO', avro({ name: 'code', type: 'strings' }), 'undefined type name: strings'],
    ['PROTOCOL_BUFFER', 'message', 'it is no Protocol Buffer schema'],
    ['PROTOCOL_BUFFER', 'syntax = "proto3";', 'it has 0 messages at its top level'],
    ['PROTOCOL_BUFFER', `${proto()}\nmessage Other {}`, 'it has 2 messages at its top level'],
    ['PROTOCOL_BUFFER', `import "other.proto";\n${proto()}`, 'it imports other.proto'],
    ['PROTOCOL_BUFFER', proto('  Missing other = 2;'), 'no such'],
    ['XML', '<a/>', 'Invalid schema type (type=XML)'],
    ['AVRO', '', 'definition_size is too small'],
    ['AVRO', avro({ name: 'x'.repeat(300_000), type: 'int' }), 'definition_size is too large'],
  ])('of type %s is refused as %s', (type, definition, message) => {
    const cloud = fakeCloud()
    expect(() => create(cloud, definition, type)).toThrow(refusal('INVALID_ARGUMENT', message))
    expect(() => cloud.core.schemas.validateSchema({ parent: 'projects/p', schema: { type, definition } })).toThrow(
      refusal('INVALID_ARGUMENT', message),
    )
  })

  it.each([
    ['AVRO', avro(), avro({ name: 'code', type: 'string' })],
    ['AVRO', avro({ name: 'code', type: 'int' }), avro({ name: 'code', type: 'string' })],
    ['AVRO', avro({ name: 'code', type: 'int' }), avro({ name: 'code', type: 'long' })],
    ['PROTOCOL_BUFFER', proto(), proto('  repeated string codes = 2;')],
    ['PROTOCOL_BUFFER', proto('  map<string, string> codes = 2;'), proto()],
    ['PROTOCOL_BUFFER', proto('  string code = 2;'), proto('  int32 code = 2;')],
    ['PROTOCOL_BUFFER', proto('  string code = 2;'), proto('  string other = 2;')],
    ['PROTOCOL_BUFFER', proto('  enum Kind { NONE = 0; }'), proto('  enum Kind { NONE = 0; NEW = 1; }')],
    ['PROTOCOL_BUFFER', proto(), proto().replace('Province', 'Region')],
  ])('of type %s is not followed by a revision that changes more than optional fields', (type, before, after) => {
    const cloud = fakeCloud()
    const { revisionId } = create(cloud, before, type)
    expect(() => commit(cloud, after, type)).toThrow(
      refusal(
        'INVALID_ARGUMENT',
        `Revision is incompatible with previous revision: ${revisionId}. Failed with error: `,
      ),
    )
  })

  it.each([
    ['AVRO', avro(), avro({ name: 'code', type: ['null', 'string'], default: null })],
    ['PROTOCOL_BUFFER', proto(), proto('  string code = 2;', '  message Inner { int32 a = 1; }', '  Inner inner = 3;')],
    ['PROTOCOL_BUFFER', proto('  string code = 2;'), proto()],
  ])('of type %s is followed by one with an optional field more or less', (type, before, after) => {
    const cloud = fakeCloud()
    create(cloud, before, type)
    expect(commit(cloud, after, type)).toMatchObject({ definition: after })
  })

  it('is refused under a taken or invalid name, and keeps its type', () => {
    const cloud = fakeCloud()
    create(cloud)
    expect(() => create(cloud)).toThrow(refusal('ALREADY_EXISTS', 'province'))
    expect(() =>
      cloud.core.schemas.createSchema({
        parent: 'projects/p',
        schemaId: 'goog-x',
        schema: { type: 'AVRO', definition: avro() },
      }),
    ).toThrow(refusal('INVALID_ARGUMENT', 'Invalid resource name'))
    expect(() => commit(cloud, proto(), 'PROTOCOL_BUFFER')).toThrow(refusal('INVALID_ARGUMENT', 'is AVRO'))
    expect(() => cloud.core.schemas.getSchema({ name: 'projects/p/schemas/other' })).toThrow(
      refusal('NOT_FOUND', 'other'),
    )
  })
})

describe('a topic with a schema', () => {
  it('gives each message the name, encoding and revision, the latest that fits', async () => {
    const cloud = fakeCloud()
    const first = create(cloud)
    withTopic(cloud)
    const second = commit(cloud, avro({ name: 'code', type: 'string', default: '' }))
    publish(cloud, { name: 'Ohio' })
    publish(cloud, { name: 'Ohio', code: 'OH' })
    const received = await pullNow(cloud)
    const common = { own: 'x', googclient_schemaname: NAME, googclient_schemaencoding: 'JSON' }
    expect(received.map(({ attributes }) => attributes)).toEqual([
      { ...common, googclient_schemarevisionid: first.revisionId },
      { ...common, googclient_schemarevisionid: second.revisionId },
    ])
  })

  it('refuses the whole request for one message that does not fit, in Google’s words', async () => {
    const cloud = fakeCloud()
    const { revisionId } = create(cloud)
    withTopic(cloud)
    const messages = [{ name: 'Ohio' }, { name: 1 }].map((data) => ({ data: Buffer.from(JSON.stringify(data)) }))
    expect(() => cloud.core.publisher.publish({ topic: TOPIC, messages })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('Invalid data in message: Message failed schema validation.'),
        details: [
          expect.objectContaining({
            reason: 'INVALID_JSON_AVRO_MESSAGE',
            domain: 'pubsub.googleapis.com',
            metadata: expect.objectContaining({
              revisionInfo: expect.stringContaining(
                `schema: ${NAME}, last checked revision: revision_id=${revisionId} failed with status: `,
              ),
            }),
          }),
        ],
      }),
    )
    expect(await pullNow(cloud)).toEqual([])
  })

  it('tries only the revisions of its range, and keeps it over a kill and an update', () => {
    const cloud = fakeCloud({ onDisk: true })
    const first = create(cloud)
    const second = commit(cloud, avro({ name: 'code', type: 'string', default: '' }))
    withTopic(cloud, { lastRevisionId: first.revisionId })
    const after = cloud.killed()
    expect(after.core.publisher.getTopic({ topic: TOPIC })).toMatchObject({
      schemaSettings: { schema: NAME, encoding: 'JSON', lastRevisionId: first.revisionId },
    })
    expect(() => publish(after, { name: 'Ohio', code: 'OH' })).toThrow('failed schema validation')
    expect(() => after.core.schemas.deleteSchemaRevision({ name: `${NAME}@${first.revisionId}` })).toThrow(
      refusal('FAILED_PRECONDITION', TOPIC),
    )
    const change = (schemaSettings: object | null) =>
      after.core.publisher.updateTopic({
        topic: { name: TOPIC, schemaSettings },
        updateMask: { paths: ['schema_settings'] },
      })
    change({ schema: NAME, encoding: 'JSON', firstRevisionId: second.revisionId })
    publish(after, { name: 'Ohio', code: 'OH' })
    expect(() => publish(after, { name: 'Ohio' })).toThrow('failed schema validation')
    expect(() =>
      change({ schema: NAME, encoding: 'JSON', firstRevisionId: second.revisionId, lastRevisionId: first.revisionId }),
    ).toThrow(refusal('INVALID_ARGUMENT', 'is later than the last revision'))
    expect(() => change({ schema: NAME })).toThrow(refusal('INVALID_ARGUMENT', 'Invalid encoding'))
    expect(() => change({ schema: `${NAME}s`, encoding: 'JSON' })).toThrow(refusal('NOT_FOUND', 'provinces'))
    change(null)
    publish(after, 'anything')
  })

  it('refuses every message once the schema is deleted', () => {
    const cloud = withTopic(
      (() => {
        const made = fakeCloud()
        create(made)
        return made
      })(),
    )
    cloud.core.schemas.deleteSchema({ name: NAME })
    expect(cloud.core.publisher.getTopic({ topic: TOPIC })).toMatchObject({
      schemaSettings: { schema: '_deleted-schema_' },
    })
    create(cloud)
    expect(() => publish(cloud, { name: 'Ohio' })).toThrow(refusal('FAILED_PRECONDITION', 'was deleted'))
  })
})

describe('a message', () => {
  const fields = avro({ name: 'big', type: 'long' }, { name: 'code', type: ['null', 'string'], default: null })
  const check = (message: Buffer, encoding: string, definition: string, type: string) =>
    fakeCloud().core.schemas.validateMessage({ parent: 'projects/p', schema: { type, definition }, message, encoding })

  it.each([
    [{ name: 'a', big: 1, code: null }, true],
    [{ code: { string: 'x' }, big: 9_007_199_254_740_993n.toString(), name: 'a' }, false],
    [{ name: 'a', big: 1, code: { string: 'x' } }, true],
    [{ name: 'a', big: 1, code: 'x' }, false],
    [{ name: 'a', big: 1.5, code: null }, false],
    [{ name: 'a', big: 1 }, false],
    [{ name: 'a', big: 1, code: null, more: 1 }, false],
    ['a', false],
  ])('of Avro in JSON, %j: %s', (data, fits) => {
    const act = () => check(Buffer.from(JSON.stringify(data)), 'JSON', fields, 'AVRO')
    if (fits) expect(act()).toEqual({})
    else expect(act).toThrow(refusal('INVALID_ARGUMENT', 'Message failed schema validation'))
  })

  it('of Avro in binary has exactly the bytes of its fields, with all integers of 64 bits', () => {
    // The length 1 of "a", the zigzag varint of 2^63 - 1, the first branch of the union.
    const bytes = Buffer.from([2, 0x61, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0])
    expect(check(bytes, 'BINARY', fields, 'AVRO')).toEqual({})
    for (const wrong of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.from([0])]), Buffer.from('hello')])
      expect(() => check(wrong, 'BINARY', fields, 'AVRO')).toThrow('Message failed schema validation')
  })

  it('of Protocol Buffers fits in JSON and in binary', () => {
    const definition = proto('  int64 big = 2;', '  repeated string codes = 3;')
    const type = protobuf.parse(definition, new protobuf.Root()).root.lookupType('Province')
    const bytes = Buffer.from(type.encode({ name: 'a', codes: ['x'] }).finish())
    expect(check(bytes, 'BINARY', definition, 'PROTOCOL_BUFFER')).toEqual({})
    expect(check(Buffer.from('{"name":"a","big":"7"}'), 'JSON', definition, 'PROTOCOL_BUFFER')).toEqual({})
    for (const wrong of ['{"name":1}', '{"more":1}', '[]', 'x', '{"codes":"x"}'])
      expect(() => check(Buffer.from(wrong), 'JSON', definition, 'PROTOCOL_BUFFER'), wrong).toThrow(
        'Message failed schema',
      )
    expect(() => check(bytes.subarray(0, -1), 'BINARY', definition, 'PROTOCOL_BUFFER')).toThrow('Message failed schema')
    expect(() => check(bytes, 'XML', definition, 'PROTOCOL_BUFFER')).toThrow('Invalid encoding (encoding=XML)')
  })
})
