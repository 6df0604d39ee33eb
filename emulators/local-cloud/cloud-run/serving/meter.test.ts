import { expect, it } from 'vitest'
import { fakeContext } from '../../core/fake-context.testing.ts'
import { createMeter, sizeOf } from './meter.ts'
import type { ServiceResource } from '../values/service.ts'

const container = (cpu: string, memory: string) => ({ image: 'i', resources: { limits: { cpu, memory } } })
const resource = (...containers: object[]): ServiceResource =>
  ({ template: { containers } }) as unknown as ServiceResource
const oneVcpu = resource(container('1', '1Gi'))

it.each([
  [resource(container('1', '512Mi'), container('0.5', '256Mi')), { vcpu: 1.5, gib: 0.75 }],
  [resource(container('500m', '1Gi')), { vcpu: 0.5, gib: 1 }],
  [resource({ image: 'i' }), { vcpu: 1, gib: 0.5 }],
  [resource(container('2', '1073741824')), { vcpu: 2, gib: 1 }],
])('the price counts all containers: %j', (given, expected) => {
  expect(sizeOf(given)).toEqual(expected)
})

it('concurrent requests are billed once, and the time is rounded up to 100 ms', async () => {
  const { context, clock, counts } = fakeContext()
  const meter = createMeter(context, 's', () => oneVcpu)
  meter.requestBegins()
  await clock.advance(30)
  meter.requestBegins()
  await clock.advance(30)
  meter.requestEnds()
  expect(counts.get('run.request.vcpuMs')).toBeUndefined()
  await clock.advance(41)
  meter.requestEnds()
  expect(Object.fromEntries(counts)).toMatchObject({
    'run.requests': 2,
    'run.requests.s': 2,
    'run.request.vcpuMs': 200,
    'run.request.gibMs': 200,
  })
  await clock.advance(1_000)
  meter.requestBegins()
  await clock.advance(100)
  meter.requestEnds()
  expect(counts.get('run.request.vcpuMs')).toBe(300)
})

it('an instance is billed from its start to its end, for a minute at least', async () => {
  const { context, clock, counts } = fakeContext()
  const meter = createMeter(context, 's', () => oneVcpu)
  meter.instanceBegins()
  meter.requestBegins()
  await clock.advance(1_500)
  meter.requestEnds()
  expect(counts.get('run.instance.vcpuMs')).toBe(1_500)
  meter.instanceEnds()
  expect(counts.get('run.instance.vcpuMs')).toBe(60_000)
  meter.instanceBegins()
  await clock.advance(90_000)
  meter.instanceEnds()
  meter.instanceEnds()
  expect(counts.get('run.instance.vcpuMs')).toBe(150_000)
})
