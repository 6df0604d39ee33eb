/** The commands of docs/strangler.md, each as it stands there, for both shops in this process. */

import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, it, onTestFinished } from 'vitest'
import { announceIn } from '../../cli/lock.testing.ts'
import { openIssuer } from '../../functions/gateway/issuer.testing.ts'
import { openBoth } from '../../legacy/strangler/cluster.testing.ts'
import { createControl } from '../../legacy/strangler/control.ts'
import { run, temporaryDirectory } from '../support/command.ts'
import { blocksOf } from '../support/document-blocks.ts'
import { root } from '../support/root.ts'

const SECRET = 'the-run-secret'
const page = readFileSync(join(root, 'docs/strangler.md'), 'utf8')

it('the commands move orders through all steps and back', async () => {
  const issuer = await openIssuer()
  const both = await openBoth(issuer)
  const app = new Hono()
  app.route(
    '/',
    createControl(both, SECRET, (act) => act()),
  )
  app.get('/_local/metrics', (c) =>
    c.json({
      metrics: [
        {
          name: 'millrace_shadow_comparisons',
          attributes: { operation: 'readOrder', outcome: 'same' },
          value: 3,
        },
      ],
    }),
  )
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  const data = temporaryDirectory()
  const release = announceIn(data.path, { secret: SECRET, apiHost: `127.0.0.1:${port}` })
  onTestFinished(() => {
    release()
    data.remove()
    server.close()
    issuer.close()
  })

  await both.office('PUT', '/products/TEA-001', { title: 'Darjeeling', price: '11.90' })
  await both.place('key-1')
  await both.office('POST', '/orders/1/done')

  const strangle = (words: readonly string[]) =>
    run('legacy/strangle.ts', [...words, '--port', String(port)], data.path)
  const commands = blocksOf(page)
    .filter(({ section }) => section === 'Walk through it')
    .flatMap(({ text }) => text.trim().split('\n'))
    .map((line) => line.replace(/^npm run strangle -- /, '').split(' '))
  expect(commands.length).toBeGreaterThan(9)
  const current: string[] = []
  for (const words of commands) {
    const { code, stdout, stderr } = await strangle(words)
    expect([code, stderr], words.join(' ')).toEqual([0, ''])
    current.push(/▶ (?<step>\d)/.exec(stdout)!.groups!['step']!)
    expect(stdout, words.join(' ')).toContain('Shadow reads: readOrder same 3')
    if (Number(current.at(-1)) >= 4) expect(stdout, words.join(' ')).toContain('Differences of the data: 0')
    if (words.includes('--percent')) expect(stdout).toContain('10 % of the customers, and customer-1')
    if (words[0] === 'kill') expect(stdout).toContain('The kill switch is on')
  }
  expect(current).toEqual(['1', '2', '3', '4', '5', '5', '5', '5', '6', '1'])

  // Bad input is refused by name.
  const { code, stderr } = await strangle(['step', '7'])
  expect([code, stderr]).toEqual([1, expect.stringContaining('Name a step from 1 to 6: npm run strangle -- step 3')])
  const unauthorized = await app.request('/strangler/control/kill', { method: 'POST', body: '{"killed":true}' })
  expect(unauthorized.status).toBe(401)
  for (const body of ['', '{}', '{"step":"3"}', '{"step":3,"percent":101}']) {
    const refused = await app.request('/strangler/control/step', {
      method: 'POST',
      headers: { 'x-local-cloud-secret': SECRET },
      body,
    })
    expect(refused.status, body).toBe(409)
  }
})
