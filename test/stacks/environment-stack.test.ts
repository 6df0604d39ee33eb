/** A stack computes the names of what another stack declares; it does not refer to it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readResources, type StackJson } from 'local-google-cloud'
import { expect, it } from 'vitest'
import { App } from '../../stacks/cdktf.ts'
import { EnvironmentStack } from '../../stacks/environment-stack.ts'
import { environments } from '../../stacks/environments.ts'
import { ServiceAccount } from '../../stacks/google.ts'

it('a reference to a resource of another stack is refused by name, as Terraform would', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'environment-stack-'))
  try {
    const app = new App({ outdir })
    const [one, other] = ['one', 'other'].map((part) => new EnvironmentStack(app, part, environments.dev)) as [
      EnvironmentStack,
      EnvironmentStack,
    ]
    const account = new ServiceAccount(one, 'account', { accountId: 'one' })
    const reader = new ServiceAccount(other, 'reader', { accountId: 'other', description: `reads ${account.email}` })
    app.synth()
    const stacks = ['dev-one', 'dev-other'].map((name): StackJson => ({
      name,
      json: JSON.parse(readFileSync(join(outdir, 'stacks', name, 'cdk.tf.json'), 'utf8')) as StackJson['json'],
    }))
    const types = { google_service_account: { reason: 'planted', computed: () => ({ email: 'e' }) } }
    expect(() => readResources(stacks, [{ terraform: types } as never])).toThrow(
      `dev-other: google_service_account.${reader.friendlyUniqueId} refers to google_service_account.account, which this stack does not declare.`,
    )
  } finally {
    rmSync(outdir, { recursive: true })
  }
})
