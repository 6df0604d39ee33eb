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

it('the time with requests is billed once for each instance, and rounded up to 100 ms', async () => {
  const { context, clock, counts } = fakeContext()
  const meter = createMeter(context, 's', () => oneVcpu)
  meter.request()
  const one = meter.instance()
  await clock.advance(30)
  // It has its first request when it is ready.
  one.busy()
  await clock.advance(30)
  expect(counts.get('run.request.vcpuMs')).toBeUndefined()
  await clock.advance(41)
  one.idle()
  expect(Object.fromEntries(counts)).toMatchObject({
    'run.requests': 1,
    'run.requests.s': 1,
    'run.request.vcpuMs': 200,
    'run.request.gibMs': 200,
  })
  await clock.advance(1_000)
  one.busy()
  const other = meter.instance()
  await clock.advance(100)
  one.idle()
  other.idle()
  other.idle()
  expect(counts.get('run.request.vcpuMs')).toBe(400)
})

it('an instance is billed from its start to its end, for a minute at least', async () => {
  const { context, clock, counts } = fakeContext()
  const meter = createMeter(context, 's', () => oneVcpu)
  const one = meter.instance()
  await clock.advance(1_500)
  one.idle()
  expect(counts.get('run.instance.vcpuMs')).toBe(1_500)
  one.ends()
  expect(counts.get('run.instance.vcpuMs')).toBe(60_000)
  const other = meter.instance()
  other.idle()
  other.busy()
  await clock.advance(90_000)
  other.ends()
  expect(counts.get('run.instance.vcpuMs')).toBe(150_000)
  // It finishes its last request after it has left the service.
  await clock.advance(100)
  other.idle()
  expect(counts.get('run.instance.vcpuMs')).toBe(150_000)
})
