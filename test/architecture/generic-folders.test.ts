/** Only functions/ contains the shop: no generic source names one of its services or goods. */

import { globSync, readFileSync, statSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { root } from '../support/root.ts'

/** Sources that a platform with other services would keep as they are. Their tests run in a copy without the shop: test/another-business. */
const folders: readonly string[] = [
  'shared/**/*',
  'stacks/**/*',
  'emulators/*',
  'emulators/{identity-platform,local-cloud}/**/*',
  'cli/**/*',
  '.{ci,devcontainer,github,vscode}/**/*',
  '.*',
  '*.{json,ts,yaml}',
  'Dockerfile',
]
/** Helpers of tests are checked, and tests are not: packages, and files that other programs write or that are copied from Google. */
const isChecked = (path: string): boolean =>
  statSync(join(root, path)).isFile() &&
  !/\.test\.ts$|node_modules|package-lock\.json$|\.proto(\.source)?\.json$|^\.git$|\.lock\.hcl$/.test(path)

/** The shop's words in a line split into words: `orderId` is "order id", and `order.placed` is "order placed". */
const shopWords: readonly RegExp[] = [
  new RegExp(`\\b(${services.map(({ name }) => name).join('|')})\\b`),
  /\b(baskets?|buyers?|carriers?|carts?|checkouts?|coupons?|couriers?|customers?|goods|invoices?|parcels?|payments?)\b/,
  /\b(prices?|products?|purchases?|refunds?|sellers?|shipments?|shops?|skus?|stock|warehouses?)\b/,
  // The partner whose API its payments use.
  /\bstripe\b/,
  // Its roles and its records about people.
  /\b(consents?|importers?|staff|vault)\b/,
  // The noun of the business, as opposed to `ORDER BY`, "in this order" and an index's order.
  /\b(an|another|each|every|one|per|place|placed|placing|run|two) orders?\b(?! of\b)/,
  /\border (ids?|lines?|placed|confirmed|rejected|completed|s)\b/,
]

/** Exceptions: words with another meaning in these files, and names that a tool's format can not get from the business. */
const allowed: readonly (readonly [files: string, words: RegExp, reason: string])[] = [
  ['shared/{edge,http,service}/*', /\bwebhooks\b/, 'requests that a partner or the platform signs'],
  ['shared/contracts/*', /\breserve stock\b/, 'a step in the frozen example of saga.stuck'],
  ['emulators/local-cloud/bigquery/**', /\bcatalog\b/, 'its datasets and tables'],
  ['emulators/local-cloud/bigquery/engine/*', /\borders\b/, 'the fields of a plan by which DuckDB sorts'],
  ['emulators/local-cloud/firestore/**', /\borders\b/, 'the fields by which a query sorts'],
  [
    'emulators/local-cloud/firestore/documents/*',
    /\bhistory\b/,
    'earlier versions of documents, for reads in the past',
  ],
  ['emulators/local-cloud/firestore/query/nearest.ts', /\bdot product\b/, 'of two vectors'],
  ['emulators/local-cloud/secret-manager/**', /\bcustomer managed encryption\b/, 'fields of its API'],
  ['{cli/bill,stacks}/**', /\b(products?|prices?)\b/, "Google's: Firestore, Pub/Sub, …"],
  ['cli/bill.ts', /\b(products?|prices?)\b/, "Google's: Firestore, Pub/Sub, …"],
  ['cli/sbom.ts', /\bproduct\b/, 'the word of CycloneDX for the software that the list is about'],
  ['{cli/check/workflows.ts,.github/**,.ci/run}', /\bcheckouts?\b/, 'of git: the action actions/checkout'],
  [
    '{.oxlintrc.json,.dockerignore,knip.json,package.json}',
    /\bfunctions shop\b|\bof the shop\b|(?<=^ | )shop (fields|errors|stripe|cli)\b/,
    'the one folder of the shop: these files import nothing, so they name its path',
  ],
  ['{.oxlintrc.json,package.json}', /\bstripe\b/, "the path of the shop's client of Stripe, and its package"],
  [
    '{knip.json,package.json}',
    /\bprice(?= node cli launch)|(?<= cli (?:order )?)price\b/,
    'a command of the shop, as npm run order is',
  ],
  [
    '.devcontainer/devcontainer.json',
    /\blabel (payment provider|carrier|gateway)\b/,
    'labels of ports, which test/checks/editors.test.ts compares with functions/index.ts',
  ],
]

const wordsOf = (line: string): string =>
  line
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replaceAll(/[^A-Za-z]+/g, ' ')
    .toLowerCase()

/** The first word of the shop in a line of that file. */
function shopWordIn(path: string, line: string): string | undefined {
  const words = allowed
    .filter(([files]) => matchesGlob(path, files))
    .reduce((rest, [, exception]) => rest.replaceAll(new RegExp(exception, 'g'), ''), wordsOf(line))
  return shopWords.map((word) => word.exec(words)?.[0]).find((found) => found !== undefined)
}

const linesOf = (path: string): string[] => readFileSync(join(root, path), 'utf8').split('\n')

describe('no word of the shop', () => {
  it.each(folders)('is in %s', (folder) => {
    const paths = globSync(folder, { cwd: root }).filter(isChecked)
    expect(paths).not.toEqual([])
    const found = paths.flatMap((path) =>
      linesOf(path).flatMap((line, index) => {
        const word = shopWordIn(path, line)
        return word === undefined ? [] : [`${path}:${index + 1}: "${word}" is the shop's: ${line.trim()}`]
      }),
    )
    expect(found).toEqual([])
  })

  it('is detected in an identifier, an event and a sentence, and not in SQL or plain English', () => {
    const isFound = (line: string): boolean => shopWordIn('shared/service/service.ts', line) !== undefined
    expect(
      [
        'const skuOf = 1',
        'row.order_id',
        "on: ['order.placed']",
        'the id of each order',
        'Events of one order come together.',
        'Calls the Gateway.',
        'unitPrice',
        'acts of staff',
      ].filter((line) => !isFound(line)),
    ).toEqual([])
    expect(shopWordIn('.oxlintrc.json', '"../shop/settings.ts"')).toBe('shop')
    expect(shopWordIn('.dockerignore', 'functions/shop/cli')).toBeUndefined()
    expect(
      ['SELECT a FROM t ORDER BY a', 'in the order of their numbers', 'the ordering key', 'index.order = 2'].filter(
        isFound,
      ),
    ).toEqual([])
  })
})
