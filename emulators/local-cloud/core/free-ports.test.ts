import { afterEach, expect, it, vi } from 'vitest'
import { freePorts, portRange } from './free-ports.ts'

afterEach(() => void vi.unstubAllEnvs())

it('free ports are of the range that the variable gives, each another', async () => {
  const { first } = portRange()
  vi.stubEnv('LOCAL_CLOUD_PORTS', `${first}-${first + 19}`)
  const ports = await freePorts(5)
  expect(new Set(ports).size).toBe(5)
  expect(ports.filter((port) => port < first || port > first + 19)).toEqual([])
})

it.each(['20000', '20000-', '30000-20000', '80-90', '20000-70000', ''])('"%s" is no range', (given) => {
  expect(() => portRange(given)).toThrow(`LOCAL_CLOUD_PORTS takes two ports, as in 20000-20999, not "${given}".`)
})
