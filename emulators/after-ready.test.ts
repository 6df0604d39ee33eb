import { expect, it } from 'vitest'
import { afterReady } from './after-ready.ts'

it.each([
  ['all of it', { watches: true, warms: true }, ['watch', 'warm', 'types']],
  ['--cold', { watches: true, warms: false }, ['watch', 'types']],
  ['--no-watch', { watches: false, warms: true }, ['warm']],
])('%s', async (_, { watches, warms }, expected) => {
  const done: string[] = []
  const warm = async (): Promise<void> => void done.push('warm')
  const watch = async () => {
    done.push('watch')
    return { check: () => void done.push('types') }
  }
  await afterReady({ watch: watches ? watch : undefined, warm: warms ? warm : undefined })
  expect(done).toEqual(expected)
})
