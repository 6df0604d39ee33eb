import { beforeEach, describe, expect, it } from 'vitest'
import { asOwner, CoreWithTarget, LOCATION } from '../core/core-with-target.testing.ts'
import type { FakeContextOptions } from '../core/fake-context.testing.ts'
import { type CloudTasksCore, makeCore } from './core.ts'

const QUEUE = `${LOCATION}/queues/orders`

/** A queue whose target answers with `answer`. */
class World extends CoreWithTarget<CloudTasksCore> {
  constructor(options?: FakeContextOptions) {
    super(makeCore, options)
  }

  queue(settings: object = {}): void {
    this.call('createQueue', { parent: LOCATION, queue: { name: QUEUE, ...settings } })
  }

  task(task: object = {}): Record<string, unknown> {
    return this.call('createTask', {
      parent: QUEUE,
      task: { httpRequest: { url: 'http://target/commands/X', body: Buffer.from('{}') }, ...task },
    })
  }

  get seconds(): number[] {
    const startMs = Date.UTC(2026, 0, 1)
    return this.sent.map(({ atMs }) => (atMs - startMs) / 1000)
  }
}

let world: World
beforeEach(() => {
  world = new World()
})

const span = (seconds: number): object => ({ seconds: String(seconds), nanos: 0 })
const retry = { retryConfig: { maxAttempts: -1, minBackoff: span(10), maxBackoff: span(300), maxDoublings: 3 } }

describe('dispatch', () => {
  it("sends a due task at once, with Google's method, headers and token", async () => {
    world.queue()
    world.task({
      name: `${QUEUE}/tasks/a1`,
      httpRequest: {
        url: 'http://target/x',
        headers: { a: 'b' },
        body: Buffer.from('hi'),
        oidcToken: { serviceAccountEmail: 'orders@p', audience: 'http://target' },
      },
    })
    await world.fake.clock.settle()
    expect(world.sent).toHaveLength(1)
    expect(world.sent[0]).toMatchObject({
      url: 'http://target/x',
      body: 'hi',
      headers: {
        a: 'b',
        authorization: 'Bearer token-of-orders@p-for-http://target',
        'user-agent': 'Google-Cloud-Tasks',
        'x-cloudtasks-queuename': 'orders',
        'x-cloudtasks-taskname': 'a1',
        'x-cloudtasks-taskretrycount': '0',
      },
    })
    expect(() => world.call('getTask', { name: `${QUEUE}/tasks/a1` })).toThrow('The task does not exist.')
  })

  it('overrides the headers of sender, task name and retry count that a task sets', async () => {
    world.queue()
    world.task({
      name: `${QUEUE}/tasks/a1`,
      httpRequest: {
        url: 'http://target/x',
        headers: {
          Authorization: 'Bearer forged',
          'X-CloudTasks-TaskRetryCount': '99',
          'X-CloudTasks-QueueName': 'another',
          // Cloud Tasks itself sends it from the second attempt on.
          'X-CloudTasks-TaskPreviousResponse': '500',
          'User-Agent': 'me',
          Host: 'elsewhere',
          'Content-Length': '5',
          'X-Own': 'kept',
        },
        body: Buffer.from('hi'),
        oidcToken: { serviceAccountEmail: 'orders@p', audience: 'http://target' },
      },
    })
    await world.fake.clock.settle()
    const received = Object.fromEntries(new Headers(world.sent[0]!.headers))
    expect(received).toEqual({
      authorization: 'Bearer token-of-orders@p-for-http://target',
      'user-agent': 'Google-Cloud-Tasks',
      'x-cloudtasks-queuename': 'orders',
      'x-cloudtasks-tasketa': expect.any(String),
      'x-cloudtasks-taskexecutioncount': '0',
      'x-cloudtasks-taskname': 'a1',
      'x-cloudtasks-taskretrycount': '0',
      'x-own': 'kept',
    })
  })

  it('sends a task at its schedule time', async () => {
    world.queue()
    world.task({ scheduleTime: { seconds: String(Date.UTC(2026, 0, 1) / 1000 + 90), nanos: 0 } })
    await world.fake.clock.advance(89_999)
    expect(world.sent).toHaveLength(0)
    await world.fake.clock.advance(1)
    expect(world.seconds).toEqual([90])
  })

  it('retries by the queue’s backoff, and counts the attempts in a header', async () => {
    world.queue(retry)
    world.answer = () => new Response(undefined, { status: 500 })
    world.task()
    await world.fake.clock.advance(1_200_000)
    expect(world.seconds).toEqual([0, 10, 30, 70, 150, 310, 550, 850, 1150])
    expect(world.sent.map(({ headers }) => headers['x-cloudtasks-taskretrycount'])).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
    ])
    expect(world.sent[1]!.headers['x-cloudtasks-taskpreviousresponse']).toBe('500')
  })

  it('waits for Retry-After', async () => {
    world.queue(retry)
    world.answer = (attempt) =>
      attempt === 1 ? new Response(undefined, { status: 503, headers: { 'retry-after': '42' } }) : new Response()
    world.task()
    await world.fake.clock.advance(100_000)
    expect(world.seconds).toEqual([0, 42])
  })

  it('deletes the task after the attempts that the queue allows', async () => {
    world.queue({ retryConfig: { maxAttempts: 2, minBackoff: span(1), maxBackoff: span(1) } })
    world.answer = () => new Response(undefined, { status: 500 })
    world.task()
    await world.fake.clock.advance(100_000)
    expect(world.sent).toHaveLength(2)
  })

  it("never exceeds the queue's rate and concurrency", async () => {
    world.queue({ rateLimits: { maxDispatchesPerSecond: 5, maxConcurrentDispatches: 2 } })
    const open: (() => void)[] = []
    world.answer = () => new Promise((resolve) => open.push(() => resolve(new Response())))
    for (let count = 0; count < 10; count++) world.task()
    await world.fake.clock.advance(10_000)
    expect(open).toHaveLength(2)
    world.answer = () => new Response()
    for (const release of open) release()
    await world.fake.clock.settle()
    await world.fake.clock.advance(1_000)
    // One token at the start, then five a second: not all eight at once.
    expect(world.sent.length).toBeLessThanOrEqual(2 + 1 + 5 + 1)
    await world.fake.clock.advance(10_000)
    expect(world.sent).toHaveLength(10)
  })

  it('stops when the queue is paused, continues when it is resumed; RunTask works in both states', async () => {
    world.queue()
    world.call('pauseQueue', { name: QUEUE })
    const { name } = world.task()
    world.task()
    await world.fake.clock.advance(60_000)
    expect(world.sent).toHaveLength(0)
    await world.core.unary['runTask']!({ name }, asOwner)
    expect(world.sent).toHaveLength(1)
    world.call('resumeQueue', { name: QUEUE })
    await world.fake.clock.settle()
    expect(world.sent).toHaveLength(2)
  })

  it('lists the work that waits: how much, since when, until when, and why the last attempt failed', async () => {
    world.queue()
    expect(world.core.backlogs()).toEqual([{ name: QUEUE, state: 'RUNNING', waiting: 0, attempts: 0 }])
    const startMs = world.fake.clock.now()
    world.answer = () => new Response(undefined, { status: 503 })
    world.task()
    await world.fake.clock.settle()
    world.call('pauseQueue', { name: QUEUE })
    await world.fake.clock.advance(10)
    world.task()
    expect(world.core.backlogs()).toEqual([
      {
        name: QUEUE,
        state: 'PAUSED',
        waiting: 2,
        oldestMs: startMs,
        nextAttemptMs: startMs + 10,
        attempts: 1,
        lastError: 'HTTP status code 503',
      },
    ])
  })
})

describe('names', () => {
  it('can not be used again while the task waits and for an hour after it ended', async () => {
    world.queue()
    const name = `${QUEUE}/tasks/once`
    world.task({ name })
    expect(() => world.task({ name })).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }))
    await world.fake.clock.settle()
    expect(() => world.task({ name })).toThrow(/existed too recently/)
    await world.fake.clock.advance(3_600_000)
    world.task({ name })
    await world.fake.clock.settle()
    expect(world.sent).toHaveLength(2)
  })
})

describe('a killed process', () => {
  it('sends the accepted tasks after its restart, and still refuses used names', async () => {
    world = new World({ onDisk: true })
    world.queue()
    world.task({ name: `${QUEUE}/tasks/done` })
    await world.fake.clock.settle()
    world.task({
      name: `${QUEUE}/tasks/later`,
      scheduleTime: { seconds: String(Date.UTC(2026, 0, 1) / 1000 + 60), nanos: 0 },
    })
    world.restart()
    expect(() => world.task({ name: `${QUEUE}/tasks/done` })).toThrow(/existed too recently/)
    await world.fake.clock.advance(60_000)
    expect(world.sent.map(({ headers }) => headers['x-cloudtasks-taskname'])).toEqual(['done', 'later'])
  })
})

describe('refusals', () => {
  it.each([
    ['createTask', { parent: `${LOCATION}/queues/none`, task: {} }, 'NOT_FOUND', /Queue does not exist/],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'ftp://x' } } },
      'INVALID_ARGUMENT',
      /"ftp:\/\/x" must be a URL that begins with http/,
    ],
    ['createTask', { parent: QUEUE, task: {} }, 'INVALID_ARGUMENT', /http_request is required/],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://a b' } } },
      'INVALID_ARGUMENT',
      /"http:\/\/a b" must be a URL/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: `http://x/${'x'.repeat(2100)}` } } },
      'INVALID_ARGUMENT',
      /at most 2083/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://x', httpMethod: 'GET', body: Buffer.from('a') } } },
      'INVALID_ARGUMENT',
      /not for GET/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://x', headers: { 'a b': 'c' } } } },
      'INVALID_ARGUMENT',
      /"a b: c" is no HTTP header/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { name: `${QUEUE}/tasks/a b`, httpRequest: { url: 'http://x' } } },
      'INVALID_ARGUMENT',
      /"projects.*a b" must be/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://x' }, dispatchDeadline: span(1) } },
      'INVALID_ARGUMENT',
      /between 15s and 30m, not 1s/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://x' }, scheduleTime: span(4_000_000_000) } },
      'INVALID_ARGUMENT',
      /at most 30 days/,
    ],
    [
      'createTask',
      { parent: QUEUE, task: { httpRequest: { url: 'http://x', body: Buffer.alloc(1_100_000) } } },
      'INVALID_ARGUMENT',
      /Task size too large/,
    ],
    [
      'createQueue',
      { parent: LOCATION, queue: { name: `${LOCATION}/queues/a_b` } },
      'INVALID_ARGUMENT',
      /letters, digits and hyphens/,
    ],
    [
      'createQueue',
      { parent: LOCATION, queue: { name: `${LOCATION}/queues/fast`, rateLimits: { maxDispatchesPerSecond: 501 } } },
      'INVALID_ARGUMENT',
      /between 0 and 500, not 501/,
    ],
    ['createQueue', { parent: LOCATION, queue: { name: QUEUE } }, 'ALREADY_EXISTS', /already exists/],
  ])('%s %o', (method, request, code, message) => {
    world.queue()
    expect(() => world.call(method, request)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})
