/** Terraform and Google's provider judge every stack, where both are installed; nothing is asked of Google. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { dev } from '../../stacks/environments.ts'
import { stacksOf } from './synthesized.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-validate-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const terraform = (cwd: string, ...args: string[]) =>
  spawnSync('terraform', args, { cwd, encoding: 'utf8', env: { ...process.env, CHECKPOINT_DISABLE: '1' } })

/** The provider, where Terraform has it at hand: it is large, and a test does not download it. */
function prepared(): string | undefined {
  if (terraform(folder, 'version').status !== 0) return 'terraform is not installed'
  const [first] = stacksOf(dev)
  const cwd = place(first!.name)
  const { status, stderr } = terraform(cwd, 'init', '-backend=false', '-input=false')
  return status === 0
    ? undefined
    : `the provider is not installed: ${stderr.split('\n').find((line) => line.includes('rror')) ?? ''}`
}

function place(name: string): string {
  const cwd = join(folder, name)
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, 'cdk.tf.json'), JSON.stringify(stacksOf(dev).find((stack) => stack.name === name)!.json))
  return cwd
}

const missing =
  process.env['TF_CLI_CONFIG_FILE'] || process.env['MILLRACE_TERRAFORM']
    ? prepared()
    : 'set MILLRACE_TERRAFORM=1 to validate with the provider that Terraform finds'
if (missing) console.log(`terraform validate is left out: ${missing}`)

describe.skipIf(missing !== undefined)('terraform validate', () => {
  it.each(stacksOf(dev).map(({ name }) => name))('%s', { timeout: 60_000 }, (name) => {
    const cwd = place(name)
    const [first] = stacksOf(dev)
    if (name !== first!.name)
      for (const made of ['.terraform', '.terraform.lock.hcl'])
        cpSync(join(folder, first!.name, made), join(cwd, made), {
          recursive: true,
          dereference: false,
          verbatimSymlinks: true,
        })
    const { status, stdout, stderr } = terraform(cwd, 'validate', '-no-color')
    expect(`${stdout}${stderr}`).toContain('The configuration is valid')
    expect(status).toBe(0)
  })
})
