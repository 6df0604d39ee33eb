import { beforeEach, describe, expect, it } from 'vitest'
import { CoreWithTarget, LOCATION } from '../core/core-with-target.testing.ts'
import type { FakeContextOptions } from '../core/fake-context.testing.ts'
import { type CloudSchedulerCore, makeCore } from './core.ts'

const JOB = `${LOCATION}/jobs/nightly`
/** Where the virtual clock begins. */
const START_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

/** A scheduler whose target answers with `answer`. */
class World extends CoreWithTarget<CloudSchedulerCore> {
  constructor(options?: FakeContextOptions) {
    super(makeCore, options)
  }

  job(settings: object = {}): Record<string, unknown> {
    const job = { name: JOB, schedule: '0 * * * *', httpTarget: { uri: 'http://target/schedules/x' }, ...settings }
    return this.call('createJob', { parent: LOCATION, job })
  }

  get read(): Record<string, unknown> {
    return this.call('getJob', { name: JOB })
  }

  /** When attempts were made, in minutes since the start. */
  get minutes(): number[] {
    return this.sent.map(({ atMs }) => (atMs - START_MS) / 60_000)
  }
}

const fails = (): Response => new Response(undefined, { status: 503 })
const span = (seconds: number): object => ({ seconds: String(seconds), nanos: 0 })
const at = (minutes: number): object => span(START_MS / 1000 + minutes * 60)

let world: World
beforeEach(() => {
  world = new World()
})

describe('an attempt', () => {
  it("is made when the job is due, with the target's request and Google's headers", async () => {
    world.job({
      httpTarget: {
        uri: 'http://target/schedules/x',
        headers: {
          'Content-Type': 'application/json',
          'X-CloudScheduler-JobName': 'forged',
          'X-CloudScheduler-Other': 'forged',
          Host: 'forged',
        },
        body: Buffer.from('{"a":1}'),
        oidcToken: { serviceAccountEmail: 'clock@p', audience: 'http://target' },
      },
    })
    await world.fake.clock.advance(HOUR_MS - 1)
    expect(world.sent).toEqual([])
    await world.fake.clock.advance(1)
    expect(world.sent).toEqual([
      {
        atMs: START_MS + HOUR_MS,
        url: 'http://target/schedules/x',
        body: '{"a":1}',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer token-of-clock@p-for-http://target',
          'user-agent': 'Google-Cloud-Scheduler',
          'x-cloudscheduler': 'true',
          'x-cloudscheduler-jobname': 'nightly',
          'x-cloudscheduler-scheduletime': '2026-01-01T01:00:00Z',
        },
      },
    ])
    expect(world.read).toMatchObject({
      state: 'ENABLED',
      status: { code: 0 },
      lastAttemptTime: at(60),
      scheduleTime: at(120),
    })
    expect(world.fake.requests).toMatchObject([
      { kind: 'schedule', resource: JOB, status: 204, attempt: 1, email: 'clock@p' },
    ])
  })

  it('that fails is not repeated by default: the job waits for its next time, and shows why', async () => {
    world.answer = fails
    world.job()
    await world.fake.clock.advance(2 * HOUR_MS)
    expect(world.minutes).toEqual([60, 120])
    expect(world.read['status']).toMatchObject({ code: 14, message: 'The target answered with HTTP status 503.' })
  })

  it('that gets no answer ends at the attempt deadline', async () => {
    world.answer = () => new Promise<never>(() => {})
    world.job({ attemptDeadline: span(15) })
    await world.fake.clock.advance(HOUR_MS + 15_000)
    expect(world.read['status']).toMatchObject({
      code: 4,
      message: expect.stringContaining('deadline of 15s') as unknown,
    })
    expect(world.fake.requests).toMatchObject([{ status: 0, reason: expect.stringContaining('15s') as unknown }])
  })
})

describe('a failed execution', () => {
  const retryConfig = {
    retryCount: 5,
    minBackoffDuration: span(60),
    maxBackoffDuration: span(420),
    maxDoublings: 2,
  }

  it('is repeated with waits that double, then grow linearly up to the maximum, until its count is used up', async () => {
    world.answer = fails
    world.job({ retryConfig, schedule: '0 0 * * *' })
    await world.fake.clock.advance(47 * HOUR_MS)
    const minutes = world.minutes.map((minute) => minute - 24 * 60)
    expect(minutes).toEqual([0, 1, 3, 7, 14, 21])
    expect(world.sent.map(({ headers }) => headers['x-cloudscheduler-scheduletime'])).toEqual(
      Array.from({ length: 6 }, () => '2026-01-02T00:00:00Z'),
    )
  })

  it('ends with its first success', async () => {
    world.answer = (attempt) => (attempt < 3 ? fails() : new Response(undefined, { status: 200 }))
    world.job({ retryConfig, schedule: '0 0 * * *' })
    await world.fake.clock.advance(47 * HOUR_MS)
    expect(world.sent).toHaveLength(3)
    expect(world.read['status']).toMatchObject({ code: 0 })
  })

  it('with a count and a duration is repeated until both are used up', async () => {
    world.answer = fails
    const both = { ...retryConfig, retryCount: 1, maxRetryDuration: span(600) }
    world.job({ retryConfig: both, schedule: '0 0 * * *' })
    await world.fake.clock.advance(47 * HOUR_MS)
    // The attempt after seven minutes fails within ten minutes of the first one, the next one does not.
    expect(world.minutes.map((minute) => minute - 24 * 60)).toEqual([0, 1, 3, 7, 14])
  })

  it('gives way to the next time of its schedule', async () => {
    world.answer = fails
    world.job({ retryConfig: { ...retryConfig, minBackoffDuration: span(400) }, schedule: '*/10 * * * *' })
    await world.fake.clock.advance(30 * 60_000)
    const due = world.sent.map(({ headers }) => headers['x-cloudscheduler-scheduletime']!.slice(11, 16))
    expect(due).toEqual(['00:10', '00:10', '00:20', '00:20', '00:30'])
  })

  it('is continued by the next process, and an attempt that it did not survive is made again', async () => {
    world = new World({ onDisk: true })
    world.answer = fails
    world.job({ retryConfig, schedule: '0 0 * * *' })
    await world.fake.clock.advance(24 * HOUR_MS + 30_000)
    world.restart()
    await world.fake.clock.advance(30_000)
    expect(world.minutes.map((minute) => minute - 24 * 60)).toEqual([0, 1])
    world.answer = () => new Promise<never>(() => {})
    await world.fake.clock.advance(120_000)
    world.answer = () => new Response(undefined, { status: 200 })
    world.restart()
    await world.fake.clock.settle()
    expect(world.minutes.map((minute) => minute - 24 * 60)).toEqual([0, 1, 3, 3])
    expect(world.read['status']).toMatchObject({ code: 0 })
  })
})

describe('a time of the schedule', () => {
  it('that comes while an attempt runs waits for its end: no two attempts at a time', async () => {
    const first = Promise.withResolvers<Response>()
    world.answer = (attempt) => (attempt === 1 ? first.promise : new Response(undefined, { status: 200 }))
    world.job({ schedule: '* * * * *', attemptDeadline: span(1800) })
    await world.fake.clock.advance(150_000)
    expect(world.minutes).toEqual([1])
    first.resolve(new Response(undefined, { status: 200 }))
    await world.fake.clock.advance(30_000)
    expect(world.minutes).toEqual([1, 2.5, 3])
  })

  it('waits for it also when the job is changed meanwhile', async () => {
    world.answer = () => new Promise<never>(() => {})
    world.job({ schedule: '* * * * *', attemptDeadline: span(1800) })
    await world.fake.clock.advance(60_000)
    const job = { name: JOB, description: 'changed' }
    world.call('updateJob', { job, updateMask: { paths: ['description'] } })
    await world.fake.clock.advance(300_000)
    expect(world.minutes).toEqual([1])
  })

  it('that passed while nothing ran is caught up on once', async () => {
    world = new World({ onDisk: true })
    world.job()
    world.core.stop()
    await world.fake.clock.advance(5.5 * HOUR_MS)
    world.restart()
    await world.fake.clock.settle()
    expect(world.minutes).toEqual([5.5 * 60])
    await world.fake.clock.advance(HOUR_MS / 2)
    expect(world.minutes).toEqual([5.5 * 60, 6 * 60])
  })
})

describe('a job', () => {
  it('that is paused makes no attempts until it is resumed; run makes one at any time', async () => {
    world.job()
    expect(world.call('pauseJob', { name: JOB })).toMatchObject({ state: 'PAUSED' })
    expect(world.read).not.toHaveProperty('scheduleTime')
    await world.fake.clock.advance(1.5 * HOUR_MS)
    world.call('runJob', { name: JOB })
    await world.fake.clock.settle()
    expect(world.minutes).toEqual([90])
    expect(() => world.call('pauseJob', { name: JOB })).toThrow('must be ENABLED')
    expect(world.call('resumeJob', { name: JOB })).toMatchObject({ state: 'ENABLED', scheduleTime: at(120) })
    // Terraform's provider resumes each job that it has made.
    const before = world.read
    expect(world.call('resumeJob', { name: JOB })).toEqual(before)
    expect(world.read).toEqual(before)
    await world.fake.clock.advance(HOUR_MS / 2)
    expect(world.minutes).toEqual([90, 120])
  })

  it('that is run while a failed execution waits does not end it', async () => {
    world.answer = fails
    world.job({ schedule: '0 0 * * *', retryConfig: { retryCount: 1, minBackoffDuration: span(600) } })
    await world.fake.clock.advance(24 * HOUR_MS + 300_000)
    world.call('runJob', { name: JOB })
    await world.fake.clock.advance(HOUR_MS)
    expect(world.minutes.map((minute) => minute - 24 * 60)).toEqual([0, 5, 10])
  })

  it('that is updated keeps what the mask leaves out, and gives up its failed execution', async () => {
    world.answer = fails
    world.job({ description: 'before', retryConfig: { retryCount: 5 } })
    await world.fake.clock.advance(HOUR_MS)
    const job = { name: JOB, schedule: '30 * * * *', description: 'left out' }
    const updated = world.call('updateJob', { job, updateMask: { paths: ['schedule'] } })
    expect(updated).toMatchObject({ description: 'before', scheduleTime: at(90), retryConfig: { retryCount: 5 } })
    await world.fake.clock.advance(HOUR_MS / 2)
    expect(world.minutes).toEqual([60, 90])
  })

  it('that is deleted makes no more attempts, also when one is in flight', async () => {
    const answer = Promise.withResolvers<Response>()
    world.answer = () => answer.promise
    world.job()
    await world.fake.clock.advance(HOUR_MS)
    world.call('deleteJob', { name: JOB })
    answer.resolve(fails())
    await world.fake.clock.advance(5 * HOUR_MS)
    expect(world.minutes).toEqual([60])
    expect(() => world.read).toThrow('Job not found')
    expect(world.fake.clock.pending).toBe(0)
  })

  it('without a name gets one; a list has pages', () => {
    const made = [1, 2, 3].map(() => world.job({ name: '' })['name'])
    expect(new Set(made).size).toBe(3)
    const first = world.call('listJobs', { parent: LOCATION, pageSize: 2 })
    const second = world.call('listJobs', { parent: LOCATION, pageSize: 2, pageToken: first['nextPageToken'] })
    const names = [first, second].flatMap(({ jobs }) => (jobs as { name: string }[]).map(({ name }) => name))
    expect([names, second['nextPageToken']]).toEqual([made, ''])
  })
})

describe('a request is refused', () => {
  it.each([
    [{ pubsubTarget: { topicName: 't' } }, 'Job.pubsub_target is not served'],
    [{ appEngineHttpTarget: { relativeUri: '/' } }, 'Job.app_engine_http_target is not served'],
    [{ httpTarget: null }, 'Job.http_target is required'],
    [{ httpTarget: { uri: 'ftp://x' } }, 'ftp://x'],
    [{ httpTarget: { uri: 'http://x', oauthToken: { scope: 's' } } }, 'oauth_token is not served'],
    [{ httpTarget: { uri: 'http://x', httpMethod: 'GET', body: Buffer.from('b') } }, 'not for GET'],
    [{ schedule: '' }, 'Job.schedule is required'],
    [{ schedule: 'every day' }, 'every day'],
    [{ timeZone: 'Mars/Olympus' }, 'Mars/Olympus'],
    [{ attemptDeadline: span(1) }, 'between 15s and 30m, not 1s'],
    [{ retryConfig: { retryCount: 6 } }, 'between 0 and 5, not 6'],
    [{ retryConfig: { maxDoublings: 17 } }, 'between 0 and 16, not 17'],
    [{ retryConfig: { minBackoffDuration: span(9000) } }, 'must not exceed'],
    [{ description: 'x'.repeat(500) }, '500 characters'],
    [{ name: `${LOCATION}/jobs/a b` }, 'a b'],
  ])('%o', (settings, message) => {
    expect(() => world.job(settings)).toThrow(message)
  })

  it('for a name that is taken, a job that does not exist, and a field that no update changes', () => {
    world.job()
    expect(() => world.job()).toThrow('already exists')
    expect(() => world.call('runJob', { name: `${LOCATION}/jobs/other` })).toThrow('not found')
    const update = { job: { name: JOB }, updateMask: { paths: ['state'] } }
    expect(() => world.call('updateJob', update)).toThrow('"state"')
  })
})
