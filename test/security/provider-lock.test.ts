/** Every synthesized stack has a lock file of Terraform's provider, for the version that the stack requires. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { root } from '../support/root.ts'

let output: string
beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'millrace-provider-'))
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'stacks/main.ts')], {
    encoding: 'utf8',
    env: { ...process.env, CDKTF_OUTDIR: output },
  })
  expect([status, stderr]).toEqual([0, ''])
}, 60_000)
afterAll(() => rmSync(output, { recursive: true, force: true }))

it('the lock file names one provider with the hashes of its archives', () => {
  const lock = readFileSync(join(root, 'stacks/terraform.lock.hcl'), 'utf8')
  expect(lock.match(/^provider ".*"/gm)).toEqual(['provider "registry.terraform.io/hashicorp/google"'])
  expect(new Set(lock.match(/"zh:[0-9a-f]{64}"/g)).size).toBeGreaterThanOrEqual(5)

  const stacks = readdirSync(join(output, 'stacks'))
  expect(stacks).toHaveLength(4 * (services.length + 3))
  const [, locked] = /^ {2}version {5}= "(.*)"$/m.exec(lock)!
  for (const stack of stacks) {
    const read = (file: string): string => readFileSync(join(output, 'stacks', stack, file), 'utf8')
    expect(read('.terraform.lock.hcl')).toBe(lock)
    const { terraform } = JSON.parse(read('cdk.tf.json')) as { terraform: { required_providers: object } }
    expect(terraform.required_providers).toEqual({ google: { source: 'google', version: locked } })
  }
})
