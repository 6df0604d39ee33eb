import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

const STREAMS = 500

/** In a thread of its own: to count the functions of a heap takes a time that grows with the heap. */
const program = `
const { queryObjects } = require('node:v8')
const { parentPort, workerData: { folder, streams } } = require('node:worker_threads')
void (async () => {
  const { appendTogether } = await import(folder + 'append-together.ts')
  const { memory } = await import(folder + 'memory.testing.ts')
  const append = appendTogether(memory().store)
  const functions = () => queryObjects(Function, { format: 'count' })
  const before = functions()
  for (let index = 0; index < streams; index++) await append({ id: 's-' + index, isNew: false }, () => undefined)
  parentPort.postMessage(functions() - before)
})()`

it('holds no memory for a stream once its appends have ended', async () => {
  const workerData = { folder: new URL('.', import.meta.url).href, streams: STREAMS }
  const [held] = (await once(new Worker(program, { eval: true, workerData }), 'message')) as [number]
  expect(held).toBeLessThan(STREAMS)
})
