import { expect, it } from 'vitest'
import { sizeOf, toFields } from './firestore-values.ts'

it('the size of a write is that of its texts in UTF-8, by which Firestore limits a request', () => {
  const size = (text: string): number =>
    sizeOf({ update: { name: 'a', fields: toFields({ text, inner: { list: [text] } }) } })
  const [latin, three] = [size('a'.repeat(1_000)), size('茶'.repeat(1_000))]
  expect(latin).toBeGreaterThanOrEqual(2_000)
  expect(three - latin).toBe(4_000)
})
