/**
 * The provider's page on which a customer approves or declines a payment, as the page of a bank for 3-D Secure. Its address
 * holds a mark that can not be guessed, in place of a login: a form of another site can not act for the customer.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Journal } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../../../emulators/partner-server.ts'
import type { Authorization, Ledger } from './ledger.ts'

export interface Pages {
  /** The address of the page, at the host that the request named. */
  urlOf(c: Context, key: string): string
  isMarkOf(key: string, mark: string): boolean
}

/** @param isGuarded false only in a simulation without sockets, whose runs are the same for the same seed */
export function openPages(journal: Journal, { isGuarded }: { readonly isGuarded: boolean }): Pages {
  const secrets = journal.table<string>('page-secrets')
  const secret = (): string => {
    if (!isGuarded) return 'unguarded'
    const known = secrets.get('1') ?? randomBytes(32).toString('base64url')
    secrets.set('1', known)
    return known
  }
  const markOf = (key: string): string => createHmac('sha256', secret()).update(key).digest('base64url')
  return {
    urlOf: (c, key) => `${new URL(c.req.url).origin}/act/${encodeURIComponent(key)}/${markOf(key)}`,
    isMarkOf(key, mark) {
      const [given, expected] = [Buffer.from(mark), Buffer.from(markOf(key))]
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}

interface Acting {
  readonly ledger: Ledger
  readonly pages: Pages
  act(key: string, outcome: 'authorized' | 'declined'): Authorization
}

const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  // The browser must send the page's origin with a form: the port refuses any other.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

export function pageRoutes(app: Hono, { ledger, pages, act }: Acting): void {
  const found = (c: Context): Authorization => {
    const [key, mark] = [c.req.param('key') ?? '', c.req.param('mark') ?? '']
    const authorization = pages.isMarkOf(key, mark) ? ledger.find(key) : undefined
    if (!authorization) throw new PartnerRefusal(404, 'not-found', 'There is no such page.')
    return authorization
  }
  app.get('/act/:key/:mark', async (c) => c.html(await page(found(c), c.req.path), 200, headers))
  app.post('/act/:key/:mark/:outcome', async (c) => {
    const { key } = found(c)
    const outcome = c.req.param('outcome')
    if (outcome !== 'authorized' && outcome !== 'declined')
      throw new PartnerRefusal(422, 'invalid-outcome', 'The outcome is authorized or declined.')
    return c.html(await page(act(key, outcome)), 200, headers)
  })
}

const texts: Readonly<Record<Authorization['status'], string>> = {
  'action-required': 'Do you approve this payment?',
  authorized: 'You have approved this payment. You can go back to the shop.',
  declined: 'You have declined this payment. The shop takes another payment method for a while.',
  voided: 'This payment has ended: the time for it is up, or the order goes on in another way.',
}

/** @param path The page's own path, if it has forms. They send no body, since the port takes JSON alone. */
function page({ status, amountMinor, currency, reference }: Authorization, path = ''): ReturnType<typeof html> {
  const forms = html`<form method="post" action="${path}/authorized"><button>Approve</button></form>
    <form method="post" action="${path}/declined"><button>Decline</button></form>`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Your bank</title>
        <style>
          body {
            font: 1rem/1.5 system-ui;
            max-width: 32rem;
            margin: 3rem auto;
            padding: 0 1rem;
          }
        </style>
      </head>
      <body>
        <h1>Your bank</h1>
        <p>${amountMinor} minor units of ${currency} for the order ${reference}.</p>
        <p>${texts[status]}</p>
        ${status === 'action-required' ? forms : ''}
      </body>
    </html>`
}
