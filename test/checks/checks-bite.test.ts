/** One planted violation for each rule of the check: it fails, and names the file. Each tool runs once, over all of its violations. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Copy, copyOfSources } from '../support/copy.ts'
import { wholeLists } from '../support/whole-lists.ts'

const timeout = 120_000
let copy: Copy
/** The output of the tool. @throws Error if it reports nothing. */
function failing(...command: Parameters<Copy['run']>): string {
  const { code, output } = copy.run(...command)
  if (code === 0) throw new Error(`${command[0]} did not detect the planted fault: ${output}`)
  return output
}

describe('the compiler reports', () => {
  let output: string
  const planted = [
    'shared/base/names.ts',
    'functions/inventory/service.ts',
    'functions/shipping/service.ts',
    'functions/customers/service.ts',
    'functions/orders/app.ts',
    'functions/orders/facts.ts',
    'functions/notifications/templates.ts',
  ]
  beforeAll(() => {
    copy = copyOfSources()
    copy.replace(
      'shared/base/names.ts',
      'export const queueName = (service: string): string => service',
      'export const queueName = (service: string): number => service',
    )
    copy.replace('functions/inventory/service.ts', "on: ['shipment.dispatched']", "on: ['shipment.dispached']")
    copy.replace('functions/shipping/service.ts', "sends: ['BookCarrier',", "sends: ['BookCarier',")
    copy.replace('functions/customers/service.ts', 'settings: [', 'setings: [')
    const announce =
      "    AnnounceStatus: (message, platform) =>\n      apply(message, message.data.orderId, platform, { type: 'announce', nowMs: platform.now() }),\n"
    copy.replace('functions/orders/app.ts', announce, '')
    copy.replace('functions/orders/facts.ts', "  'stock.committed':", "  'stock.comitted':")
    copy.replace('functions/notifications/templates.ts', "  'order.expired': (", "  'order.expird': (")
    const { code, output: printed } = copy.compile(wholeLists ? undefined : planted)
    if (code === 0) throw new Error(`The compiler did not detect the planted faults: ${printed}`)
    output = printed
  }, timeout)
  afterAll(() => copy.remove())

  it.each([
    ['a number where a text belongs', /^shared\/base\/names\.ts.*'string' is not assignable to type 'number'/m],
    ['a misspelt event', /^functions\/inventory\/service\.ts.*'"shipment\.dispached"' is not assignable/m],
    ['a misspelt command', /^functions\/shipping\/service\.ts.*"BookCarier"/m],
    ['a misspelt property of a description', /^functions\/customers\/service\.ts.*'never'/m],
    ['a missing handler', /^functions\/orders\/app\.ts.*AnnounceStatus/m],
    ['a misspelt event of a table of subscriptions', /^functions\/orders\/facts\.ts.*stock\.comitted/m],
    ['a text of an unknown event', /^functions\/notifications\/templates\.ts.*order\.expird/m],
  ])('%s', (_, error) => expect(output).toMatch(error))
})

/** [file, imported module, message]; the directions between other folders are those of test/architecture/imports.test.ts. A pattern with exceptions (`!`) is the last of its rule: an exception ends the linter's search. */
const directions: readonly (readonly [string, string, string])[] = [
  ['functions/orders/planted.ts', '../payments/app.ts', 'Of another service only its contracts.ts'],
  ['functions/orders/planted.ts', '../../emulators/local-cloud/core/clock.ts', 'functions/ imports shared/ only'],
  ['functions/orders/planted.ts', '../tools.ts', 'no service imports them'],
  ['functions/orders/planted.ts', '../shop/local/seed.ts', 'no service imports them'],
  ['functions/shop/planted.ts', './cli/order.ts', 'no service imports them'],
  ['functions/shop/cli/planted.ts', '../../../stacks/app.ts', 'Commands and tools use the public API'],
  ['functions/shop/cli/planted.ts', '../local/seed.ts', 'Commands and tools use the public API'],
  ['functions/shop/local/planted.ts', '../../../cli/api.ts', 'functions/*/local/ imports emulators/'],
  ['functions/shop/local/planted.ts', '../../../emulators/local-cloud/core/clock.ts', 'imported by its exports'],
  ['functions/tools.ts', '../emulators/local-cloud/core/clock.ts', 'Commands and tools use the public API'],
  ['functions/tools.ts', 'local-google-cloud', 'Commands and tools use the public API'],
  ['functions/tools.ts', '../stacks/app.ts', 'Commands and tools use the public API'],
  ['stacks/planted.ts', '../cli/api.ts', 'stacks/ imports functions/index.ts and shared/ only'],
  ['cli/planted.ts', '../stacks/app.ts', 'Commands and tools use the public API'],
  ['cli/grants.ts', '../stacks/bus-stack.ts', 'nothing else of the stacks'],
  ['cli/image.ts', '../emulators/start.ts', 'nothing else of the stacks'],
  ['cli/new/names.ts', '../../stacks/service-stack.ts', 'nothing else of the stacks'],
  ['emulators/planted.ts', './local-cloud/core/clock.ts', 'imported by its exports'],
  ['test/planted.ts', '../emulators/local-cloud/core/clock.ts', 'imported by its exports'],
  ['functions/shop/settings.ts', '../payments/app.ts', "import the services' settings.ts"],
  ['functions/shop/settings.ts', '../payments/settings.ts', 'they take types only'],
  ['shared/planted.ts', './names.js', 'Remove the file extension'],
  ['stacks/planted.ts', './app.js', 'Remove the file extension'],
]

interface Diagnostic {
  readonly code: string
  readonly help?: string
  readonly filename: string
  readonly labels: readonly { readonly span: { readonly line: number } }[]
}

describe('the linter', () => {
  let diagnostics: readonly Diagnostic[]
  const promise = 'shared/promise.ts'
  const circle = ['emulators/local-cloud/pubsub/planted-one.ts', 'emulators/local-cloud/pubsub/planted-two.ts'] as const
  const printing = ['cli/check.ts', 'cli/cdktf.ts', 'functions/shop/cli/order.ts']
  beforeAll(() => {
    copy = copyOfSources()
    copy.write(promise, '/** Planted. */\nexport function planted(): void {\n  Promise.resolve(1)\n}\n')
    for (const file of printing)
      copy.write(
        file,
        `${copy.read(file)}\nconsole.log('planted')\nprocess.stdout.write('planted')\nprocess.stderr.write('planted')\n`,
      )
    const files = [...new Set(directions.map(([file]) => file))]
    for (const file of files) {
      const imported = directions.filter(([one]) => one === file).map(([, path]) => path)
      const imports = imported.map((path, index) => `import * as planted${index} from '${path}'\n`)
      const names = imported.map((_, index) => `planted${index}`)
      copy.write(
        file,
        `/** Planted. */\n${imports.join('')}\nexport const names = [${names.join(', ')}].map(Object.keys)\n`,
      )
    }
    copy.write(circle[0], "import type { Two } from './planted-two.ts'\n\nexport type One = Two | 1\n")
    copy.write(circle[1], "import type { One } from './planted-one.ts'\n\nexport type Two = One[]\n")
    const printed = failing('oxlint/bin/oxlint', '--format=json', promise, ...printing, ...files, ...circle)
    diagnostics = (JSON.parse(printed) as { diagnostics: Diagnostic[] }).diagnostics
  }, timeout)
  afterAll(() => copy.remove())

  it('a promise that is not awaited is reported', () => {
    const found = diagnostics.filter(({ filename }) => filename === promise).map(({ code }) => code)
    expect(found).toContainEqual(expect.stringContaining('no-floating-promises'))
  })

  it.each(circle)('a cycle of type imports is reported: %s', (file) => {
    const found = diagnostics.filter(({ filename }) => filename === file).map(({ code }) => code)
    expect(found).toContainEqual(expect.stringContaining('no-cycle'))
  })

  it.each(printing)('printing without cli/terminal.ts is reported in %s', (file) => {
    const found = diagnostics.filter(({ filename }) => filename === file).map(({ code }) => code)
    expect(found.filter((code) => code.includes('no-console'))).toHaveLength(1)
    expect(found.filter((code) => code.includes('no-restricted-properties'))).toHaveLength(2)
  })

  it.each(directions)('import directions: %s may not import %s', (file, imported, message) => {
    const written = copy.read(file).split('\n')
    const line = written.findIndex((one) => one.includes(`'${imported}'`)) + 1
    const found = diagnostics.filter(({ filename, labels }) => filename === file && labels[0]?.span.line === line)
    expect(found.map(({ help }) => help)).toContainEqual(expect.stringContaining(message))
  })
})

describe('format and unused code', () => {
  beforeAll(() => {
    copy = copyOfSources()
    copy.write('shared/planted.ts', 'export   const planted={a:1}\n')
    copy.write('shared/pretended.ts', 'export const pretended = 1\n')
    copy.replace(
      'shared/base/ids.test.ts',
      "'vitest'\n",
      "'vitest'\nimport { pretended } from '../pretended.ts'\nvoid pretended\n",
    )
    copy.write('shared/unneeded.testing.ts', 'export const unneeded = 1\n')
  })
  afterAll(() => copy.remove())

  it('the formatter reports an unformatted file', { timeout }, () => {
    expect(failing('oxfmt/bin/oxfmt', '--check', 'shared')).toContain('planted.ts')
  })

  it('knip reports an export that no file imports', { timeout }, () => {
    const output = failing('knip/bin/knip.js')
    expect(output).toContain('shared/planted.ts')
    expect(output).toContain('shared/unneeded.testing.ts')
    expect(output).not.toContain('shared/pretended.ts')
  })

  it('knip reports a file that only tests import', { timeout }, () => {
    const output = failing('knip/bin/knip.js', '--production', '--include', 'files')
    expect(output).toContain('shared/pretended.ts')
    expect(output).not.toContain('testing.ts')
  })
})
