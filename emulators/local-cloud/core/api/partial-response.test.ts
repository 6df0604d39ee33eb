import { expect, it } from 'vitest'
import { createLocalCloud } from '../local-cloud.ts'
import { pubsub } from '../../pubsub/plugin.ts'
import { fieldSelector } from './partial-response.ts'

const answer = {
  kind: 'k',
  next: 't',
  rows: [
    { id: 1, labels: { a: 'x', b: 'y' } },
    { id: 2, labels: { a: 'z' } },
  ],
}

it.each([
  ['kind', { kind: 'k' }],
  ['kind,next', { kind: 'k', next: 't' }],
  ['rows/id', { rows: [{ id: 1 }, { id: 2 }] }],
  [
    'rows(id,labels/a),next',
    {
      next: 't',
      rows: [
        { id: 1, labels: { a: 'x' } },
        { id: 2, labels: { a: 'z' } },
      ],
    },
  ],
  [
    'rows/id,rows/labels/b',
    {
      rows: [
        { id: 1, labels: { b: 'y' } },
        { id: 2, labels: {} },
      ],
    },
  ],
  ['rows/id,rows', { rows: answer.rows }],
  [
    'rows/*/b',
    {
      rows: [
        { id: 1, labels: { b: 'y' } },
        { id: 2, labels: {} },
      ],
    },
  ],
  ['*', answer],
  ['absent', {}],
])('%s selects its part of an answer', (fields, selected) => expect(fieldSelector(fields)(answer)).toEqual(selected))

it.each(['', ',kind', 'rows(id', 'rows)', 'a//b', 'a b', 'kind,'])('"%s" is refused', (fields) =>
  expect(() => fieldSelector(fields)).toThrow(`Invalid field selection ${fields}`),
)

it('a route answers the selected fields, and an error whole', async () => {
  const cloud = await createLocalCloud({ plugins: [pubsub], project: { id: 'p', number: '1', region: 'r' } })
  try {
    const get = async (path: string) => (await fetch(`http://${cloud.ownerHost}/v1/projects/p/topics${path}`)).json()
    await cloud.api('PUT', '/v1/projects/p/topics/abc', { labels: { a: 'x' } })
    expect(await get('?fields=topics/name')).toEqual({ topics: [{ name: 'projects/p/topics/abc' }] })
    expect(await get('/missing?fields=name')).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } })
    await expect(cloud.api('PUT', '/v1/projects/p/topics/def?fields=name(', {})).rejects.toThrow(
      'Invalid field selection',
    )
    expect(await get('/def')).toMatchObject({ error: { code: 404 } })
    expect(await get('?fields=topics(')).toMatchObject({
      error: { code: 400, message: expect.stringContaining('topics(') },
    })
  } finally {
    await cloud.close()
  }
})
