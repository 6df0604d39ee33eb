/** `npm run legacy` as a person types it, where no platform runs. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { freePort } from 'local-google-cloud/host'
import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../legacy/shop/database.ts'
import { run, start, type Started, temporaryDirectory } from '../support/command.ts'

it('takes an order, has it after a restart, and is stopped by SIGTERM', async () => {
  const data = temporaryDirectory()
  const port = await freePort()
  const all: Started[] = []
  onTestFinished(async () => {
    for (const { child } of all) child.kill('SIGTERM')
    await Promise.all(all.map(({ ended }) => ended))
    data.remove()
  })
  async function opened(): Promise<Started> {
    const program = start('legacy/main.ts', ['--port', String(port)], data.path)
    all.push(program)
    await expect
      .poll(() => program.child.exitCode ?? program.output(), { timeout: 30_000, interval: 20 })
      .toContain(`The old shop answers at http://127.0.0.1:${port}.`)
    return program
  }
  const ask = async (method: string, path: string, body?: object): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) })).json()

  const first = await opened()
  await expect.poll(first.output, { interval: 20 }).toContain('The platform does not run here')
  await ask('PUT', '/products/TEA-001', { title: 'Darjeeling', price: '11.90' })
  const order = { no: 1, login: 'ada', status: 'new', total: '23.80' }
  const items = [{ sku: 'TEA-001', qty: 2 }]
  expect(await ask('POST', '/orders', { login: 'ada', items })).toMatchObject(order)
  expect(await ask('GET', '/orders/1')).toMatchObject(order)
  first.child.kill('SIGTERM')
  expect(await first.ended).toMatchObject({ code: 0, stderr: '' })

  const second = await opened()
  expect(await ask('GET', '/orders/1')).toMatchObject(order)
  second.child.kill('SIGTERM')
  expect((await second.ended).code).toBe(0)
})

it.each([
  ['emptied', () => Buffer.alloc(0)],
  ['cut in half', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
  ['replaced by a text', () => Buffer.from('no database '.repeat(100))],
] as const)('names its database if that was %s, and what to do', async (_, change) => {
  const data = temporaryDirectory()
  onTestFinished(() => data.remove())
  const file = join(data.path, 'legacy', 'shop.sqlite')
  mkdirSync(dirname(file))
  openDatabase(file).close()
  writeFileSync(file, change(readFileSync(file)))
  const { code, stderr } = await run('legacy/main.ts', ['--port', String(await freePort())], data.path)
  expect([code, stderr.trim().split('\n')]).toEqual([
    1,
    [
      expect.stringMatching(
        /shop\.sqlite is damaged \(.+\): delete .+legacy, then start again, and the old shop begins without orders\.$/,
      ),
    ],
  ])
})

it('names a taken port, and how to start on another', async () => {
  const data = temporaryDirectory()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    other.close()
    data.remove()
  })
  const { port } = other.address() as AddressInfo
  const { code, stderr } = await run('legacy/main.ts', ['--port', String(port)], data.path)
  expect([code, stderr.trim()]).toEqual([
    1,
    `Port ${port} is taken: stop what listens there, or start the old shop on another port: npm run legacy -- --port ${port + 1}`,
  ])
})
