/**
 * The `.proto` files of clients, judged by `buf breaking`: none of its rules speaks against the committed files, and what breaks a client
 * is refused by buf and by the check of the records alike. `MILLRACE_BUF` is the path of the program, which npm does not install.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FieldRecord, PackageRecord, RpcRecord } from '../../shared/contracts/rpc-record.ts'
import { fileOf } from '../../shared/rpc/names.ts'
import { protoBreaksOf, protoOf, rpcBreaksOf } from '../../shared/rpc/record.testing.ts'
import { temporaryDirectory } from '../support/command.ts'
import { root } from '../support/root.ts'

const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { cwd: root }).status === 0
const { MILLRACE_BUF: given } = process.env
const buf = given ?? 'buf'
// A path that leads to no program is a failure, and no reason to skip.
const isInstalled = given !== undefined || succeeds(buf, ['--version'])
/** The last commit, and the one before it, where this is a clone that has them. */
const commits = ['HEAD', 'HEAD^'].filter((ref) => succeeds('git', ['rev-parse', '--verify', '--quiet', ref]))

/** The rules that the files break. @throws Error when buf can not read them */
function brokenRules(files: string, against: string): string[] {
  const args = ['breaking', files, '--against', against, '--error-format', 'json']
  const { status, stdout, stderr, error } = spawnSync(buf, args, { cwd: root, encoding: 'utf8' })
  // https://buf.build/docs/reference/cli/buf/breaking
  if (status !== 0 && status !== 100) throw new Error(`${buf} ended with ${status}: ${error?.message ?? stderr}`)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { readonly type: string }).type)
}

const packageName = 'millrace.orders.v1'
const recorded = JSON.parse(readFileSync(join(root, 'functions/orders/rpc.json'), 'utf8')) as RpcRecord
const { methods, messages } = recorded[packageName]!
const { PlaceOrderRequest: placing } = messages

type Change = Partial<PackageRecord>
const without = <V>(entries: Readonly<Record<string, V>>, name: string): Record<string, V> =>
  Object.fromEntries(Object.entries(entries).filter(([one]) => one !== name))
const withField = (name: string, changed: Partial<FieldRecord>): Change => ({
  messages: { ...messages, PlaceOrderRequest: { ...placing, [name]: { ...placing![name]!, ...changed } } },
})

const breaking: readonly (readonly [string, Change, rule: string, fault: RegExp])[] = [
  [
    'a field that is gone',
    { messages: { ...messages, PlaceOrderRequest: without(placing!, 'currency') } },
    'FIELD_NO_DELETE',
    /PlaceOrderRequest\.currency is gone/,
  ],
  ['another number', withField('currency', { number: 99 }), 'FIELD_NO_DELETE', /currency: number was \d+, and is 99/],
  ['another type', withField('currency', { type: 'int64' }), 'FIELD_SAME_TYPE', /currency: type was string/],
  ['a list', withField('currency', { repeated: true }), 'FIELD_SAME_CARDINALITY', /currency: repeated was absent/],
  [
    'a method that is gone',
    { methods: without(methods, 'PlaceOrder') },
    'RPC_NO_DELETE',
    /millrace\.orders\.v1 PlaceOrder is gone/,
  ],
]

/** The folder of the package's file as it would be with this change. */
function written(change: Change): { readonly folder: string; readonly text: string } {
  const { path, remove } = temporaryDirectory()
  onTestFinished(remove)
  const text = protoOf(packageName, { methods, messages, ...change }, (operation) => operation, new Map())
  const file = join(path, fileOf(packageName))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return { folder: path, text }
}

it.each(breaking)('%s is refused by the check of the records', (_, change, __, fault) => {
  const faults = rpcBreaksOf(recorded, { ...recorded, [packageName]: { methods, messages, ...change } })
  expect(faults).toEqual([expect.stringMatching(fault)])
})

it('a number that the record alone has changed is refused by the committed file', () => {
  const { messages: turned } = withField('currency', { number: 99 })
  const faults = protoBreaksOf(written({}).text, packageName, { methods, messages: turned! })
  expect(faults).toEqual([expect.stringMatching(/PlaceOrderRequest\.currency: the \.proto file has the number 1,/)])
})

const named = isInstalled ? 'buf breaking' : 'buf breaking (no buf here: install it, or name it by MILLRACE_BUF)'
describe.skipIf(!isInstalled)(named, () => {
  it.each(breaking)('%s is refused', (_, change, rule) => {
    expect(brokenRules(written(change).folder, written({}).folder)).toContain(rule)
  })

  it('a further field is refused by neither', () => {
    const later = { number: 99, type: 'string' }
    const more = { messages: { ...messages, PlaceOrderRequest: { ...placing, later } } }
    expect(brokenRules(written(more).folder, written({}).folder)).toEqual([])
    expect(rpcBreaksOf(recorded, { ...recorded, [packageName]: { methods, ...more } })).toEqual([])
  })

  it.each(commits)('the files break none of its rules against those of %s, and one without a field does', (ref) => {
    const { path, remove } = temporaryDirectory()
    onTestFinished(remove)
    const committed = join(path, 'committed.tar')
    expect(succeeds('git', ['archive', `--output=${committed}`, ref, 'proto'])).toBe(true)
    const against = `${committed}#subdir=proto`
    expect(brokenRules('proto', against)).toEqual([])
    const planted = join(path, 'proto')
    cpSync(join(root, 'proto'), planted, { recursive: true })
    writeFileSync(join(planted, fileOf(packageName)), written(breaking[0]![1]).text)
    expect(brokenRules(planted, against)).toEqual(['FIELD_NO_DELETE'])
  })
})
