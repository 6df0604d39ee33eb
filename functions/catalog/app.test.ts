import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { answerProblem } from '../../shared/http.ts'
import { deliver, message } from '../../shared/testing/deliver.ts'
import { testPlatform } from '../../shared/testing/platform.ts'
import { app } from './app.ts'
import { catalog } from './service.ts'

const publish = message(
  'PublishProduct',
  { sku: 'BANK CHARGES', name: 'Bank charges', unitMinor: 1500, currency: 'GBP' },
  { correlationId: 'BANK CHARGES' },
)

function started() {
  const platform = testPlatform(catalog)
  const http = new Hono()
  app.routes!(http, platform)
  http.onError((error, c) => answerProblem(c, error))
  return { platform, http }
}

describe('the catalog', () => {
  it('tells a product and its price, once each, and answers for it', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    expect(
      platform.published.map(({ type, subject, sequence, correlationId }) => ({
        type,
        subject,
        sequence,
        correlationId,
      })),
    ).toEqual([
      { type: 'product.published', subject: 'BANK CHARGES', sequence: 1, correlationId: 'BANK CHARGES' },
      { type: 'price.changed', subject: 'BANK CHARGES', sequence: 2, correlationId: 'BANK CHARGES' },
    ])
    const answer = await http.request('/products/BANK%20CHARGES')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      sku: 'BANK CHARGES',
      name: 'Bank charges',
      unitMinor: 1500,
      currency: 'GBP',
    })
  })

  it('publishes again with the same ids when the same command comes again', async () => {
    const { platform } = started()
    platform.fail('publish')
    await expect(deliver(app, platform, publish)).rejects.toThrow('fail')
    expect(platform.published).toEqual([])
    await deliver(app, platform, publish)
    await deliver(app, platform, publish)
    const ids = platform.published.map(({ id }) => id)
    expect(ids).toHaveLength(4)
    expect(ids.slice(2)).toEqual(ids.slice(0, 2))
    expect(platform.billed.writes).toBe(1)
  })

  it.each(['/products/TEA-404', '/products/%2F', '/products/%00'])('knows nothing at %s', async (path) => {
    const answer = await started().http.request(path)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'not-found', status: 404 })
  })
})
