/** Builds the services' image by Cloud Build, and writes its digest to stacks/images.json. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeState } from 'local-google-cloud/host'
import { accountEmail } from '../shared/base/names.ts'
import { buildSourcesBucket, type Environment, imageBuilderId, imageName } from '../stacks/environments.ts'
import { main, UsageError } from './command.ts'
import { deployedEnvironment, environmentNames } from './environment.ts'
import { say } from './terminal.ts'

const root = join(import.meta.dirname, '..')
const imagesFile = join(root, 'stacks', 'images.json')
/** The sources of the image: what .dockerignore lets into the build, and what says how it is built. */
const sources = (): string[] => [
  'Dockerfile',
  '.dockerignore',
  'cloudbuild.yaml',
  ...readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : [])),
]

void main('image', {
  brief:
    "Builds the image of the services by Cloud Build in an environment's project, as the account image-builder, and writes its digest to stacks/images.json.",
  about: `
The image is named for the commit; an existing image is not built again. Deploy the environment's platform stack first: it
has the repository, the account and the bucket.`,
  words: { name: 'ENVIRONMENT', brief: environmentNames.join(' or '), max: 1 },
  options: {},
  async run(_, [name]) {
    if (name === undefined) throw new UsageError(`Name the environment: ${environmentNames.join(', ')}.`)
    const environment = deployedEnvironment(name)
    requireAccount()
    const image = `${imageName(environment)}:${commit()}`
    const digest = digestOf(image) ?? built(environment, image)
    const images = JSON.parse(readFileSync(imagesFile, 'utf8')) as Record<string, string>
    // As a whole: a kill leaves the digests of the other environments.
    writeState(imagesFile, `${JSON.stringify({ ...images, [environment.name]: digest }, undefined, 2)}\n`)
    const others = Object.keys(environment.releases ?? {})
    say(
      `${imageName(environment)}@${digest} is the image of ${environment.name} from its next deployment on${others.length > 0 ? `, except of ${others.join(', ')}, which have releases of their own` : ''}. Commit stacks/images.json.`,
    )
  },
})

function requireAccount(): void {
  const { status, stdout } = ask('gcloud', ['auth', 'list', '--filter=status:ACTIVE', '--format=value(account)'])
  if (status !== 0)
    throw new UsageError('Building needs gcloud on the PATH, signed in: https://cloud.google.com/sdk/docs/install')
  if (stdout.trim() === '') throw new UsageError('Building needs an account: run gcloud auth login, then try again.')
}

/** The commit for which the image is named. @throws UsageError if the sources differ from the commit. */
function commit(): string {
  const changed = outputOf('git', ['status', '--porcelain', '--', ...sources()])
  if (changed !== '')
    throw new UsageError(
      `The image is named for its commit, and these files differ from it: commit them first.\n${changed}`,
    )
  return outputOf('git', ['rev-parse', '--short=12', 'HEAD'])
}

function digestOf(image: string): string | undefined {
  const format = '--format=value(image_summary.digest)'
  const { status, stdout } = ask('gcloud', ['artifacts', 'docker', 'images', 'describe', image, format])
  return status === 0 ? stdout.trim() : undefined
}

function built(environment: Environment, image: string): string {
  const { projectId } = environment
  const builder = accountEmail(imageBuilderId, projectId)
  const [name, tag] = image.split(':')
  const { status } = spawnSync(
    'gcloud',
    [
      'builds',
      'submit',
      `--project=${projectId}`,
      '--config=cloudbuild.yaml',
      `--service-account=projects/${projectId}/serviceAccounts/${builder}`,
      `--gcs-source-staging-dir=gs://${buildSourcesBucket(environment)}/source`,
      `--substitutions=_IMAGE=${name},_TAG=${tag}`,
      '.',
    ],
    { cwd: root, stdio: 'inherit' },
  )
  const digest = status === 0 ? digestOf(image) : undefined
  if (digest === undefined)
    throw new UsageError(
      `The build failed; nothing was changed. Check that the stack ${environment.name}-platform is deployed.`,
    )
  return digest
}

function ask(program: string, args: string[]) {
  return spawnSync(program, args, { cwd: root, encoding: 'utf8' })
}

function outputOf(program: string, args: string[]): string {
  const { status, stdout, stderr } = ask(program, args)
  if (status !== 0) throw new UsageError(`${program} ${args[0]} failed: ${stderr?.trim() ?? 'it is not installed'}`)
  return stdout.trim()
}
