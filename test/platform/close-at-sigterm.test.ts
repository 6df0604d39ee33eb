/** A service process at SIGTERM when one of its resources fails to close. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { freePorts } from 'local-google-cloud/host'
import { testConfig } from '../../shared/base/config.testing.ts'

const module = (path: string): string => JSON.stringify(new URL(`../../shared/${path}`, import.meta.url).href)

/** Serves a service in a process of its own, in which closing the planted resources goes wrong. Returns how it ended. */
async function endOf(planted: string): Promise<{ exit: unknown; unclosed: Record<string, string> }> {
  const [port] = await freePorts(1)
  const program = `
    const { serve } = await import(${module('runtime/serve.ts')})
    const { defineService } = await import(${module('service/service.ts')})
    const { defineContracts } = await import(${module('contracts/contract.ts')})
    const contracts = defineContracts({ service: 'desk', events: {}, commands: {} })
    const desk = defineService({ name: 'desk', ingress: 'internal', contracts, uses: [], on: [], sends: [] })
    const { createPlatform } = await import(${module('runtime/create-platform.ts')})
    const withPlanted = (service, config) => {
      const platform = createPlatform(service, config)
      ${planted}
      return platform
    }
    await serve(desk, async () => ({ on: {}, commands: {} }), withPlanted)
    console.log('serving')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: Object.fromEntries(
      Object.entries({ ...testConfig('desk'), PORT: port }).map(([name, value]) => [
        name,
        typeof value === 'object' ? JSON.stringify(value) : String(value),
      ]),
    ),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  const unclosed: Record<string, string> = {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'serving') return void child.kill('SIGTERM')
    const { message, resource, error } = JSON.parse(line) as Record<string, string>
    if (message === 'close.failed') unclosed[resource!] = error!
  })
  return { exit: await ended, unclosed }
}

it('a process whose resources all close ends with 0', async () => {
  expect(await endOf('')).toEqual({ exit: [0, null], unclosed: {} })
})

it('a resource that fails to close at SIGTERM is logged by its name, the others are closed, and the process ends with 1', async () => {
  const { exit, unclosed } = await endOf(`
    platform.security.close = () => { throw new Error('The security log is planted.') }
    platform.deadLetterBox.close = async () => { throw new Error('The box is planted.') }
    platform.telemetry.close = async () => { throw new Error('Telemetry, which closes last, is planted.') }`)
  expect(unclosed).toEqual({
    'security log': expect.stringContaining('The security log is planted.') as string,
    'dead letters': expect.stringContaining('The box is planted.') as string,
    telemetry: expect.stringContaining('Telemetry, which closes last, is planted.') as string,
  })
  expect(exit).toEqual([1, null])
})

it('a process whose telemetry alone is lost ends with 0', async () => {
  const { exit, unclosed } = await endOf(`
    platform.telemetry.close = async () => { throw new Error('The collector is gone.') }`)
  expect(unclosed).toEqual({ telemetry: expect.stringContaining('The collector is gone.') as string })
  expect(exit).toEqual([0, null])
})
