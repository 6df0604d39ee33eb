import { describe, expect, it } from 'vitest'
import { Refused } from '../base/errors.ts'
import { declaredStores } from '../messaging/collections.ts'
import { memory } from '../messaging/memory.testing.ts'
import { cursorAt, type DocumentQuery, documentQuery, MAX_PAGE } from './document-query.ts'

const library = {
  name: 'library',
  collections: {
    volumes: { indexes: [['hall', '-addedAt'], ['hall', 'shelf', 'title'], ['-addedAt']] },
    streams: {},
    notes: {},
  },
} as const
type Library = typeof library
const page = { from: 'volumes', limit: 2 } as const
const newest = (hall: string, after?: string): DocumentQuery =>
  documentQuery<Library>({ ...page, where: { hall }, orderBy: '-addedAt', after })

describe('a query', () => {
  it('compiles by a declared index, or by id', () => {
    const queries = [
      newest('b'),
      documentQuery<Library>({ ...page, where: { hall: 'b', shelf: 3 }, orderBy: 'title', atLeast: 'm' }),
      documentQuery<Library>({ ...page, where: {}, orderBy: '-addedAt' }),
      documentQuery<Library>({ from: 'notes', limit: 1 }),
    ]
    expect(queries.map(({ order }) => order?.field)).toEqual(['addedAt', 'title', 'addedAt', undefined])
  })

  it('does not compile without one', () => {
    const misuse = (): unknown[] => [
      // @ts-expect-error the index of hall and addedAt has no shelf
      documentQuery<Library>({ ...page, where: { hall: 'b', shelf: 3 }, orderBy: '-addedAt' }),
      // @ts-expect-error the index of title has a shelf
      documentQuery<Library>({ ...page, where: { hall: 'b' }, orderBy: 'title' }),
      // @ts-expect-error no index has this direction
      documentQuery<Library>({ ...page, where: { hall: 'b' }, orderBy: 'addedAt' }),
      // @ts-expect-error no index has this field
      documentQuery<Library>({ ...page, where: { author: 'b' }, orderBy: '-addedAt' }),
      // @ts-expect-error no order is declared for a filter alone
      documentQuery<Library>({ ...page, where: { hall: 'b' } }),
      // @ts-expect-error the collection has no index
      documentQuery<Library>({ from: 'notes', limit: 1, where: {}, orderBy: '-addedAt' }),
      // @ts-expect-error streams are read by platform.streams
      documentQuery<Library>({ from: 'streams', limit: 1 }),
      // @ts-expect-error no such collection
      documentQuery<Library>({ from: 'shelves', limit: 1 }),
      // @ts-expect-error without the type of a description nothing is declared
      documentQuery({ from: 'volumes', limit: 1 }),
    ]
    expect(misuse).toBeTypeOf('function')
  })

  it.each([0, MAX_PAGE + 1, 1.5])('of a page of %d documents is an error', (limit) => {
    expect(() => documentQuery<Library>({ from: 'volumes', limit })).toThrow(`1 to ${MAX_PAGE}`)
  })

  it('that was made by hand is refused without its index, and for a collection that is not declared', async () => {
    const { documents } = declaredStores(library, memory())
    const made: DocumentQuery = {
      from: 'volumes',
      where: { hall: 'b' },
      order: { field: 'title', descending: false },
      limit: 1,
    }
    await expect(documents.query(made)).rejects.toThrow('library queries volumes by fields of which')
    await expect(documents.query({ from: 'shelves', where: {}, limit: 1 })).rejects.toThrow(
      'add shelves to its collections',
    )
  })
})

describe('a cursor', () => {
  const position = { value: '2026-01-01', id: 'volume-1' }
  const cursor = cursorAt(newest('b'), position)

  it('is read by its own query, whatever the size of the page', () => {
    expect(newest('b', cursor).after).toEqual(position)
    const larger = documentQuery<Library>({
      from: 'volumes',
      limit: 50,
      where: { hall: 'b' },
      orderBy: '-addedAt',
      after: cursor,
    })
    expect(larger.after).toEqual(position)
  })

  const edited = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  it.each([
    ['of another filter', cursorAt(newest('c'), position)],
    ['of another order', cursorAt(documentQuery<Library>({ from: 'volumes', limit: 2 }), position)],
    ['with another position', encoded(['2027-01-01', ...edited.slice(1)])],
    ['with another id', encoded([edited[0], 'volume-2', edited[2]])],
    ['that was cut', cursor.slice(0, -4)],
    ['with characters added', `${cursor}AAAA`],
    ['in another notation', `${cursor}=`],
    ['that is no JSON', 'hello'],
    ['that is no list', encoded({ id: 'volume-1' })],
    ['with a value of another kind', encoded([{}, 'volume-1', edited[2]])],
    ['that is empty', ''],
    ['that is very long', 'A'.repeat(100_000)],
  ])('%s is refused by name', (_name, given) => {
    const refusal = ((): unknown => {
      try {
        return newest('b', given)
      } catch (error) {
        return error
      }
    })()
    expect(refusal).toBeInstanceOf(Refused)
    expect(refusal).toMatchObject({ code: 'invalid-cursor', status: 400 })
  })
})
