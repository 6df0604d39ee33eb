/** One planted violation for each tool of the check: it fails, and names the file. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Copy, copyOfSources } from './copy.ts'

let copy: Copy
beforeEach(() => {
  copy = copyOfSources()
})
afterEach(() => copy.remove())

const tsc = ['typescript/bin/tsc', '-p', '.'] as const
const oxlint = ['oxlint/bin/oxlint'] as const

describe('the check bites', { timeout: 60_000 }, () => {
  it('types: a number where a text belongs', () => {
    copy.replace(
      'shared/names.ts',
      'export const queueName = (service: string): string => service',
      'export const queueName = (service: string): number => service',
    )
    const { code, output } = copy.run(...tsc)
    expect([code === 0, output]).toEqual([false, expect.stringContaining('shared/names.ts')])
  })

  it('types: a misspelt event', () => {
    copy.replace('functions/shipping/service.ts', "on: ['order.released']", "on: ['order.relesed']")
    const { code, output } = copy.run(...tsc)
    expect(code).not.toBe(0)
    expect(output).toMatch(/functions\/shipping\/service\.ts.*'"order\.relesed"' is not assignable/)
  })

  it('types: a misspelt command', () => {
    copy.replace('functions/shipping/service.ts', "accepts: ['BookCarrier']", "accepts: ['BookCarier']")
    expect(copy.run(...tsc).output).toContain('functions/shipping/service.ts')
  })

  it('types: a missing handler', () => {
    copy.replace('functions/history/app.ts', "    'order.expired': tell,\n", '')
    const { code, output } = copy.run(...tsc)
    expect(code).not.toBe(0)
    expect(output).toMatch(/functions\/history\/app\.ts.*order\.expired/)
  })

  it('types: an unhandled case', () => {
    copy.replace(
      'functions/notifications/templates.ts',
      "    case 'order.expired':\n",
      "    case 'order.nothing' as never:\n",
    )
    const { code, output } = copy.run(...tsc)
    expect(code).not.toBe(0)
    expect(output).toContain('functions/notifications/templates.ts')
  })

  it('lint: a promise that nobody waits for', () => {
    copy.write('shared/planted.ts', '/** Planted. */\nexport function planted(): void {\n  Promise.resolve(1)\n}\n')
    const { code, output } = copy.run(...oxlint, 'shared')
    expect(code).not.toBe(0)
    expect(output).toMatch(/no-floating-promises[\s\S]*shared\/planted\.ts/)
  })

  it.each([
    ['shared/planted.ts', '../functions/index.ts', 'shared/ stands on nobody'],
    ['functions/orders/planted.ts', '../payments/app.ts', 'Of another service only its contracts.ts'],
    ['functions/orders/planted.ts', '../../emulators/core/clock.ts', 'functions/ imports shared/ only'],
    ['emulators/core/planted.ts', '../../shared/names.ts', 'emulators/ import nothing of ours'],
    ['stacks/planted.ts', '../functions/orders/service.ts', 'stacks/ name no service'],
    ['stacks/planted.ts', 'cdktf', 'the way out stays two files wide'],
    ['cli/planted.ts', '../stacks/app.ts', 'cli/ uses the public API'],
    ['cli/image.ts', '../stacks/app.ts', 'cli/image.ts reads the environments, and nothing else of the stacks'],
    ['cli/image.ts', '../functions/orders/service.ts', 'cli/ reads functions/index.ts, not a service'],
    ['shared/planted.ts', './names.js', 'import it by its own ending'],
  ])('import directions: %s may not import %s', (file, imported, message) => {
    copy.write(
      file,
      `/** Planted. */\nimport * as planted from '${imported}'\n\nexport const names = Object.keys(planted)\n`,
    )
    const { code, output } = copy.run(...oxlint, file)
    expect(code).not.toBe(0)
    expect(output).toContain(message)
    expect(output).toContain(file)
  })

  it('format: a file that nobody formatted', () => {
    copy.write('shared/planted.ts', 'export   const planted={a:1}\n')
    const { code, output } = copy.run('oxfmt/bin/oxfmt', '--check', 'shared')
    expect(code).not.toBe(0)
    expect(output).toContain('planted.ts')
  })

  it('unused: an export that nobody imports, and a service that is not in the list', () => {
    copy.write('shared/planted.ts', '/** Planted. */\nexport const planted = 1\n')
    copy.replace('functions/index.ts', "import { history } from './history/service.ts'\n", '')
    copy.replace('functions/index.ts', 'history,', '')
    const { code, output } = copy.run('knip/bin/knip.js')
    expect(code).not.toBe(0)
    expect(output).toContain('shared/planted.ts')
    expect(output).toContain('functions/history/service.ts')
  })
})
