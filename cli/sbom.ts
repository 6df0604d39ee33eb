/** `npm run sbom`: CycloneDX software bills of materials of the image, the repository and the CDKTF CLI. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { main, text, UsageError } from './command.ts'
import { type Lockfile, productionPackages } from './lockfile.ts'
import { say } from './terminal.ts'

const root = join(import.meta.dirname, '..')

const OLDEST_NPM = 11

interface Component {
  readonly 'bom-ref': string
  readonly type: string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}
interface Sbom {
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
  readonly metadata: { readonly component: { readonly 'bom-ref': string } }
}

void main('sbom', {
  brief: 'Writes three software bills of materials, CycloneDX 1.5 in JSON, from the lockfiles.',
  about: `
Every package with its version, package URL, licence and SHA-512:

  image.cdx.json        the services' image: its base image and the packages that services need
  repository.cdx.json   the packages that npm start, npm test and npm run check install
  cdktf-cli.cdx.json    the packages that npm run cdktf installs

Debian's packages in the base image are not listed: use an image scanner for those.`,
  options: { output: text('FOLDER', 'the output folder', 'sbom') },
  async run({ output }) {
    const version = npm(root, '--version').trim()
    // Older versions write hashes and licences that CycloneDX's schema refuses.
    if (Number.parseInt(version, 10) < OLDEST_NPM)
      throw new UsageError(
        `npm ${version} can not write a valid SBOM: it needs npm ${OLDEST_NPM} or newer, which comes with Node 24.`,
      )
    const folder = resolve(root, output)
    mkdirSync(folder, { recursive: true })
    const boms = {
      image: withBaseImage(sbomOf(root, { production: true })),
      repository: sbomOf(root),
      'cdktf-cli': sbomOf(join(root, 'cli', 'cdktf-cli')),
    }
    for (const [name, bom] of Object.entries(boms)) {
      const file = join(folder, `${name}.cdx.json`)
      writeFileSync(file, `${JSON.stringify(bom, undefined, 2)}\n`)
      say(`${file}  ${bom.components.length} components`)
    }
  },
})

/**
 * The SBOM of the lockfile in `from`. npm writes it for a copy in a folder with the project's name, because npm uses the
 * folder's name. `production` removes from the copy the packages that the image lacks, because `npm sbom --omit=dev` also
 * drops packages that production and development share.
 */
function sbomOf(from: string, { production = false } = {}): Sbom {
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(from, file), 'utf8')) as T
  const manifest = read<{ name: string; workspaces?: readonly string[] }>('package.json')
  const lockfile = read<Lockfile>('package-lock.json')
  const scratch = mkdtempSync(join(tmpdir(), 'millrace-sbom-'))
  const copy = join(scratch, manifest.name)
  mkdirSync(copy)
  try {
    const write = (file: string, value: object): void => writeFileSync(join(copy, file), JSON.stringify(value))
    write('package.json', production ? withoutDevelopment(manifest) : manifest)
    write('package-lock.json', production ? ofImage(lockfile) : lockfile)
    for (const workspace of production ? [] : (manifest.workspaces ?? [])) {
      mkdirSync(join(copy, workspace), { recursive: true })
      write(join(workspace, 'package.json'), read<object>(join(workspace, 'package.json')))
    }
    return withHashes(
      JSON.parse(
        npm(copy, 'sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'),
      ) as Sbom,
      lockfile,
    )
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function withoutDevelopment<M extends object>(manifest: M): M {
  return { ...manifest, devDependencies: undefined, optionalDependencies: undefined, workspaces: undefined }
}

function ofImage({ packages, ...lockfile }: Lockfile): Lockfile {
  const kept = productionPackages({ packages }).map((path) => [path, packages[path]!] as const)
  return { ...lockfile, packages: { '': withoutDevelopment(packages['']!), ...Object.fromEntries(kept) } }
}

/** npm omits the hash of a package that is also part of another package's tarball. */
function withHashes(bom: Sbom, { packages }: Lockfile): Sbom {
  const integrities = new Map(
    Object.entries(packages).map(([path, { name, version, integrity }]) => [
      `${name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`,
      integrity,
    ]),
  )
  const components = bom.components.map((component) => {
    const integrity = integrities.get(component['bom-ref'])
    if (component.hashes || !integrity?.startsWith('sha512-')) return component
    const content = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
    return { ...component, hashes: [{ alg: 'SHA-512', content }] }
  })
  return { ...bom, components }
}

/** The base image of the last stage, with its digest in the Dockerfile. */
function withBaseImage(bom: Sbom): Sbom {
  const stages = [
    ...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^FROM (\w+):(\S+)@sha256:([0-9a-f]{64})/gm),
  ]
  const [, name, version, content] = stages.at(-1) ?? []
  if (!name || !version || !content) throw new UsageError('The Dockerfile names its base image by no digest.')
  const purl = `pkg:oci/${name}@sha256%3A${content}?repository_url=docker.io/library/${name}&tag=${version}`
  const base: Component = {
    'bom-ref': purl,
    type: 'container',
    name,
    version,
    purl,
    hashes: [{ alg: 'SHA-256', content }],
  }
  const product = bom.metadata.component['bom-ref']
  return {
    ...bom,
    components: [base, ...bom.components],
    dependencies: [
      ...bom.dependencies.map((one) => (one.ref === product ? { ...one, dependsOn: [...one.dependsOn, purl] } : one)),
      { ref: purl, dependsOn: [] },
    ],
  }
}

function npm(cwd: string, ...args: string[]): string {
  const byNpm = process.env['npm_execpath']
  const { status, stdout, stderr } = byNpm
    ? spawnSync(process.execPath, [byNpm, ...args], { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    : spawnSync('npm', args, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (status !== 0) throw new UsageError(`npm ${args[0]} failed: ${stderr.trim()}`)
  return stdout
}
