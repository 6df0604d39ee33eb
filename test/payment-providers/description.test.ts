/** The judge of the local Stripe: by a small description in Stripe's form, each kind of wrong request, answer and event is named. */

import { describe, expect, it } from 'vitest'
import { type Description, type Exchange, judgeBy, nested, stripeJudge } from '../support/stripe-description.ts'

const form = (schema: object) => ({ content: { 'application/x-www-form-urlencoded': { schema } } })
const json = (schema: object) => ({ content: { 'application/json': { schema } }, description: 'An answer.' })
const coin = { $ref: '#/components/schemas/coin' }
const failed = { $ref: '#/components/schemas/error' }

const description = {
  openapi: '3.0.0',
  info: { version: '2023-01-01' },
  paths: {
    '/v1/coins': {
      get: {
        parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer' } }],
        responses: {
          '200': json({ type: 'object', required: ['data'], properties: { data: { type: 'array', items: coin } } }),
        },
      },
    },
    '/v1/coins/{coin}/flip': {
      post: {
        requestBody: form({
          type: 'object',
          additionalProperties: false,
          properties: {
            times: { type: 'integer' },
            fast: { type: 'boolean' },
            expand: { type: 'array', items: { type: 'string' } },
            metadata: {
              anyOf: [
                { type: 'object', additionalProperties: { type: 'string' } },
                { enum: [''], type: 'string' },
              ],
            },
          },
        }),
        responses: { '200': json(coin), default: json(failed) },
      },
    },
    '/v1/webhook_endpoints': {
      post: {
        requestBody: form({
          type: 'object',
          properties: { enabled_events: { type: 'array', items: { type: 'string', enum: ['coin.flipped'] } } },
        }),
        responses: { '200': json(coin) },
      },
    },
  },
  components: {
    schemas: {
      coin: {
        type: 'object',
        required: ['id', 'object', 'side'],
        properties: {
          id: { type: 'string' },
          object: { type: 'string', enum: ['coin'] },
          side: { type: 'string', enum: ['heads', 'tails'], nullable: true },
          mint: { anyOf: [{ type: 'string' }, { $ref: '#/components/schemas/coin' }], nullable: true },
        },
      },
      error: { type: 'object', required: ['error'], properties: { error: { type: 'object' } } },
      event: { type: 'object', required: ['type'], properties: { type: { type: 'string' } } },
    },
  },
} as unknown as Description
const judge = judgeBy(description)
const heads = { id: 'c_1', object: 'coin', side: 'heads', mint: null }
const flip = (change: Partial<Exchange>) =>
  judge.exchange({
    method: 'POST',
    path: '/v1/coins/c_1/flip',
    search: '',
    form: '',
    status: 200,
    answer: heads,
    ...change,
  })

describe('the judge of the local Stripe', () => {
  it('finds nothing in what the description has', async () => {
    const right = 'times=3&fast=true&expand[0]=mint&metadata[key]=o-1'
    expect(await flip({ form: right })).toEqual([])
    expect(await flip({ answer: { ...heads, side: null, mint: { ...heads, mint: 'm_1' } } })).toEqual([])
    expect(await flip({ status: 402, answer: { error: {} } })).toEqual([])
    expect(await judge.event({ type: 'coin.flipped', data: { object: heads } })).toEqual([])
  })

  it.each<[string, Partial<Exchange>, RegExp]>([
    ['a path', { path: '/v1/coins/c_1/toss' }, /no such operation/],
    ['a method', { method: 'DELETE' }, /no such operation/],
    ['a field', { form: 'twice=1' }, /asks: #/],
    ['a number', { form: 'times=often' }, /asks: #\/times breaks type/],
    ['a flag', { form: 'fast=yes' }, /asks: #\/fast breaks type/],
    [
      'a parameter',
      { method: 'GET', path: '/v1/coins', search: '?after=c_1', answer: { data: [] } },
      /no parameter after/,
    ],
    [
      'a value of a parameter',
      { method: 'GET', path: '/v1/coins', search: '?limit=all', answer: { data: [] } },
      /\?limit/,
    ],
    ['an object of an answer', { answer: { ...heads, side: 'edge' } }, /answers 200: #\/side breaks enum/],
    ['a missing field of an answer', { answer: { id: 'c_1', object: 'coin' } }, /answers 200: # breaks required/],
    ['an object in a list', { method: 'GET', path: '/v1/coins', answer: { data: [{}] } }, /answers 200: #\/data\/0/],
    ['an error', { status: 404, answer: {} }, /answers 404: # breaks required/],
  ])('names %s that the description does not have', async (_, change, expected) => {
    expect(await flip(change)).toEqual([expect.stringMatching(expected)])
  })

  it('names an event to which no endpoint can be subscribed, and its object', async () => {
    const wrong = { type: 'coin.lost', data: { object: { ...heads, side: 'edge' } } }
    expect(await judge.event(wrong)).toEqual([
      expect.stringMatching(/coin\.lost: no endpoint/),
      expect.stringMatching(/#\/side breaks enum/),
    ])
  })

  it('does not ask a description about a field that Stripe has added since', async () => {
    expect(await flip({ form: 'final_capture=false' })).toEqual([])
    const newer = judgeBy({ ...description, info: { version: '2026-01-01' } })
    const requested = { method: 'POST', path: '/v1/coins/c_1/flip', search: '', form: 'final_capture=false' }
    expect(await newer.exchange({ ...requested, status: 200, answer: heads })).toEqual([
      expect.stringMatching(/asks: #/),
    ])
  })

  it('is refused a file that is no description of Stripe', () => {
    expect(() => stripeJudge('package.json')).toThrow("package.json is no description of Stripe's API")
    expect(stripeJudge('')).toBeUndefined()
  })

  it('reads a form with objects in objects', () => {
    expect(nested(new URLSearchParams('a[b][c]=1&a[d]=2&e[0]=x'))).toEqual({
      a: { b: { c: '1' }, d: '2' },
      e: { 0: 'x' },
    })
  })
})
