/** The settings for editors and GitHub name only existing scripts, files, images and ports. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { business } from '../../functions/index.ts'
import { partnersOf } from '../../shared/service/business.ts'
import { localPorts } from '../../stacks/environments.ts'
import { root } from '../support/root.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const json = <T>(file: string): T => JSON.parse(read(file)) as T

it("the development container uses the services' base image, and forwards the ports of npm start", () => {
  const { image, forwardPorts, portsAttributes } = json<{
    image: string
    forwardPorts: readonly number[]
    portsAttributes: Readonly<Record<string, { readonly label: string }>>
  }>('.devcontainer/devcontainer.json')
  expect(read('Dockerfile')).toContain(`FROM ${image}\n`)
  const { api, identity, partner, service } = localPorts(4100, business)
  expect(forwardPorts).toEqual([api, identity, ...partnersOf(business).map(partner), service('gateway')])
  const labels = forwardPorts.map((port) => portsAttributes[port]?.label)
  const partners = partnersOf(business).map((name) => name.replaceAll('-', ' '))
  expect(labels).toEqual(['Google Cloud (local)', 'identity platform', ...partners, 'gateway'])
})

it('each launch configuration starts an existing script, or attaches', () => {
  const { configurations } = json<{
    configurations: readonly { request: string; runtimeExecutable?: string; runtimeArgs?: readonly string[] }[]
  }>('.vscode/launch.json')
  const { scripts } = json<{ scripts: Readonly<Record<string, string>> }>('package.json')
  for (const { request, runtimeExecutable, runtimeArgs = [] } of configurations)
    if (request === 'launch')
      expect([runtimeExecutable, Object.keys(scripts)]).toEqual(['npm', expect.arrayContaining([runtimeArgs[0]])])
})

it("the editor's formatter is a recommended extension", () => {
  const settings = json<Readonly<Record<string, unknown>>>('.vscode/settings.json')
  const { recommendations } = json<{ recommendations: readonly string[] }>('.vscode/extensions.json')
  expect(recommendations).toContain(settings['editor.defaultFormatter'])
})

it.each(globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: root }).filter((file) => !file.endsWith('config.yml')))(
  '%s is a valid GitHub issue form',
  (file) => {
    const form = parse(read(file)) as {
      name: string
      description: string
      body: readonly { type: string; id?: string; attributes: { label?: string; value?: string } }[]
    }
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) })
    const fields = form.body.filter(({ type }) => type !== 'markdown')
    expect(fields.every(({ id, attributes }) => id !== undefined && attributes.label !== undefined)).toBe(true)
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length)
    expect(fields.length).toBeGreaterThan(0)
  },
)
