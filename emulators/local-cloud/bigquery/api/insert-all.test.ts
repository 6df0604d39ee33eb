/** Values that rows bring by insertAll: each fits its column and is stored as sent, or its row is refused with the place. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type TestBigQuery } from '../bigquery.testing.ts'
import type { BigQueryCore } from '../core.ts'
import type { FieldSchema } from '../values/records.ts'

let bigquery: TestBigQuery
beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.cloud.close())

let tables = 0
/** Inserts one row with this value in the column `a` of a new table. @returns the fault, or the stored value as the API returns it. */
async function inserted(value: unknown, column: Omit<FieldSchema, 'name'>): Promise<unknown> {
  const name = `t${(tables += 1)}`
  await bigquery.table(name, [{ name: 'a', ...column }])
  const answer = await bigquery.send('POST', `/datasets/d/tables/${name}/insertAll`, { rows: [{ json: { a: value } }] })
  const [fault] = (answer['insertErrors'] ?? []) as { errors: { message: string; location: string }[] }[]
  const query = { query: `SELECT a FROM d.${name}`, useLegacySql: false, formatOptions: { useInt64Timestamp: true } }
  const { rows = [] } = (await bigquery.send('POST', '/queries', query)) as { rows?: { f: { v: unknown }[] }[] }
  if (fault) expect(rows).toEqual([])
  return fault ? `${fault.errors[0]!.location}: ${fault.errors[0]!.message}` : rows[0]!.f[0]!.v
}

const nested = {
  type: 'RECORD',
  fields: [{ name: 'x', type: 'INTEGER', mode: 'REQUIRED' }],
}

describe('stores', () => {
  it.each([
    ['BYTES', {}, 'aGVsbG8=', 'aGVsbG8='],
    ['BYTES', {}, '', ''],
    ['BYTES', {}, '/+8A', '/+8A'],
    ['INTEGER', {}, '-9223372036854775808', '-9223372036854775808'],
    ['INT64', {}, 7, '7'],
    ['FLOAT', {}, '1e3', '1000.0'],
    ['FLOAT', {}, '-0.0', '-0.0'],
    ['STRING', {}, 12, '12'],
    ['STRING', { maxLength: '3' }, 'äöü', 'äöü'],
    ['NUMERIC', {}, '-0.000000001', '-0.000000001'],
    ['NUMERIC', {}, 1.1, '1.1'],
    ['NUMERIC', { precision: '10', scale: '2' }, '1.235', '1.24'],
    ['NUMERIC', { precision: '10', scale: '2' }, '-1.235', '-1.24'],
    ['NUMERIC', {}, '99999999999999999999999999999.999999999', '99999999999999999999999999999.999999999'],
    ['BOOLEAN', {}, 'TRUE', 'true'],
    ['DATE', {}, '0001-01-01', '0001-01-01'],
    ['DATE', {}, '2026-2-3', '2026-02-03'],
    ['TIME', {}, '23:59:59.5', '23:59:59.500000'],
    ['DATETIME', {}, '2026-01-02 03:04:05', '2026-01-02T03:04:05'],
    ['TIMESTAMP', {}, '2026-01-01T02:00:00+02:00', '1767225600000000'],
    ['TIMESTAMP', {}, '2026-01-01', '1767225600000000'],
    ['TIMESTAMP', {}, '2026-01-01 00:00:00.000001 UTC', '1767225600000001'],
    ['TIMESTAMP', {}, 1767225600.5, '1767225600500000'],
    ['TIMESTAMP', {}, '9999-12-31T23:59:59.999999Z', '253402300799999999'],
    ['JSON', {}, '{"k":[1,null]}', '{"k":[1,null]}'],
    ['JSON', {}, 'null', 'null'],
    ['JSON', {}, '"a text"', '"a text"'],
    ['JSON', {}, '{"n":9223372036854775807}', '{"n":9223372036854775807}'],
    ['JSON', {}, null, null],
    ['JSON', {}, '{"k":{"k":"a:"},"l":[{"k":"\\\\"},"k"]}', '{"k":{"k":"a:"},"l":[{"k":"\\\\"},"k"]}'],
  ])('%s %o: %s', async (type, parameters, value, expected) => {
    expect(await inserted(value, { type, ...parameters })).toBe(expected)
  })

  it('names without regard to their case, and bytes inside repeated records', async () => {
    await bigquery.table('cased', [
      { name: 'Rows', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'Bytes', type: 'BYTES', mode: 'REPEATED' }] },
    ])
    await bigquery.client
      .dataset('d')
      .table('cased')
      .insert([{ rows: [{ BYTES: [Buffer.from('a'), Buffer.from([0, 255])] }] }])
    expect(await bigquery.query('SELECT * FROM d.cased')).toEqual([
      { Rows: [{ Bytes: [Buffer.from('a'), Buffer.from([0, 255])] }] },
    ])
  })
})

describe('refuses', () => {
  it.each([
    ['INTEGER', {}, 1.5, 'Cannot convert value to integer (bad value): 1.5'],
    ['INTEGER', {}, '1.5', 'Cannot convert value to integer (bad value): 1.5'],
    ['INTEGER', {}, true, 'Cannot convert value to integer (bad value): true'],
    ['INTEGER', {}, '9223372036854775808', 'Cannot convert value to integer (bad value): 9223372036854775808'],
    ['INTEGER', {}, 2 ** 60, 'Cannot convert value to integer (bad value): 1152921504606847000: send it as a string.'],
    ['FLOAT', {}, 'x', 'Cannot convert value to floating point (bad value): x'],
    ['FLOAT', {}, 'NaN', 'FLOAT64 has no NaN and no Infinity in the local cloud: write NULL'],
    ['FLOAT', {}, '-Infinity', 'FLOAT64 has no NaN and no Infinity in the local cloud: write NULL'],
    ['FLOAT', {}, '1e999', 'Cannot convert value to floating point (bad value): 1e999'],
    ['BOOLEAN', {}, 1, 'Cannot convert value to boolean (bad value): 1'],
    ['BYTES', {}, 'no base64!', 'Failed to decode bytes input. Byte fields must be base64 encoded.'],
    ['BYTES', { maxLength: '1' }, 'aGk=', 'BYTES(1) has maximum length 1 but got a value with length 2 in field a'],
    ['STRING', { maxLength: '3' }, 'four', 'STRING(3) has maximum length 3 but got a value with length 4 in field a'],
    ['STRING', {}, ['x'], 'Array specified for non-repeated field: a.'],
    ['STRING', {}, { x: 1 }, 'This field: a is not a record.'],
    [
      'NUMERIC',
      { precision: '10', scale: '2' },
      '123456789',
      'NUMERIC(10, 2) has precision 10 and scale 2 but got the value 123456789 in field a',
    ],
    ['NUMERIC', {}, '0.0000000001', 'NUMERIC has precision 38 and scale 9 but got the value 0.0000000001 in field a'],
    ['NUMERIC', {}, '1e29', `NUMERIC has precision 38 and scale 9 but got the value 1${'0'.repeat(29)} in field a`],
    ['DATE', {}, '10000-01-01', "Invalid date: '10000-01-01'"],
    ['DATE', {}, '2026-02-30', "Invalid date: '2026-02-30'"],
    ['TIME', {}, '24:00:00', 'Invalid time string "24:00:00"'],
    ['DATETIME', {}, '0000-01-01T00:00:00', 'Invalid datetime string "0000-01-01T00:00:00"'],
    ['TIMESTAMP', {}, '10000-01-01T00:00:00Z', /^a: Could not parse '10000-01-01T00:00:00Z' as a timestamp/],
    ['TIMESTAMP', {}, '9999-12-31T23:59:59-01:00', /^a: Could not parse/],
    ['TIMESTAMP', {}, 'never', /^a: Could not parse 'never' as a timestamp/],
    ['JSON', {}, '{', /^a: Invalid JSON/],
    ['JSON', {}, '[{"b":{"k":1,"k" :2}}]', /^a: The local cloud stores no JSON with two members of one name/],
    ['STRING', { mode: 'REPEATED' }, ['x', null], 'Only optional fields can be set to NULL. Field: a; Value: NULL'],
    ['STRING', { mode: 'REPEATED' }, 'x', 'Repeated field must be imported as a JSON array. Field: a.'],
    ['STRING', { mode: 'REQUIRED' }, null, 'Missing required field: a.'],
  ])('%s %o: %s', async (type, parameters, value, message) => {
    const fault = await inserted(value, { type, ...parameters })
    if (message instanceof RegExp) expect(fault).toMatch(message)
    else expect(fault).toBe(`a: ${message}`)
  })

  it('two members of one name, of which JSON.parse would keep the last', async () => {
    await bigquery.table('members', [{ name: 'a', type: 'JSON' }])
    const body = '{"rows":[{"json":{"a":{"k":1,"k":2}}}]}'
    const url = `http://${bigquery.cloud.ownerHost}/bigquery/v2/projects/p/datasets/d/tables/members/insertAll`
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', body, headers })
    expect(await response.json()).toMatchObject({
      error: { code: 400, message: expect.stringContaining('two members of one name') as string },
    })
  })

  it('faults inside a record, with their path', async () => {
    expect(await inserted({ x: 1, y: 2 }, nested)).toBe('a.y: no such field: a.y.')
    expect(await inserted({}, nested)).toBe('a.x: Missing required field: a.x.')
    expect(await inserted([{ x: 1 }, { x: 'z' }], { ...nested, mode: 'REPEATED' })).toBe(
      'a.x: Cannot convert value to integer (bad value): z',
    )
  })

  it('unknown fields inside a record, unless they are to be ignored', async () => {
    await bigquery.table('ignoring', [{ name: 'a', ...nested }])
    const table = bigquery.client.dataset('d').table('ignoring')
    await table.insert([{ a: { x: 1, y: 2 }, z: 3 }], { ignoreUnknownValues: true })
    expect(await bigquery.query('SELECT a.x FROM d.ignoring')).toEqual([{ x: 1 }])
  })
})

it('an append from a subscription is checked in the same way', async () => {
  await bigquery.table('appended', [{ name: 'data', type: 'BYTES' }])
  const core = bigquery.cloud.core<BigQueryCore>('bigquery')
  const table = { projectId: 'p', datasetId: 'd', tableId: 'appended' }
  await core.appendRows(table, [{ data: Buffer.from('hi').toString('base64') }])
  await expect(core.appendRows(table, [{ data: '?' }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await bigquery.table('floats', [{ name: 'f', type: 'FLOAT' }])
  await expect(core.appendRows({ ...table, tableId: 'floats' }, [{ f: 'inf' }])).rejects.toThrow('no Infinity')
  expect(await bigquery.query('SELECT data FROM d.appended')).toEqual([{ data: Buffer.from('hi') }])
})

it.each([
  [{ type: 'INTEGER', maxLength: '3' }, 'maxLength'],
  [{ type: 'NUMERIC', scale: '2' }, 'scale needs a precision'],
  [{ type: 'NUMERIC', precision: '40', scale: '2' }, 'NUMERIC(40, 2)'],
  [{ type: 'STRING', precision: '4' }, 'precision and scale'],
])('a column of %o is not created', async (column, message) => {
  await expect(bigquery.table('wrong', [{ name: 'a', ...column }])).rejects.toThrow(message)
})
