/** Builds the one image by Cloud Build, and writes its digest where the stacks read it. */

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main, UsageError } from './command.ts'

const root = join(import.meta.dirname, '..')
const digestsFile = join(root, 'stacks', 'images.json')

const usage = `
npm run image -- dev|staging|prod [--project ID] [--region REGION]

Builds the image of the services by Cloud Build in that environment's project, and writes its digest to
stacks/images.json. The platform stack of the environment has to be deployed: it holds the repository.

  --project ID      default millrace-ENVIRONMENT
  --region REGION   default europe-west1
`

void main({
  usage,
  options: { project: { type: 'string' }, region: { type: 'string', default: 'europe-west1' } },
  async run({ project, region }, [environment]) {
    const digests = JSON.parse(readFileSync(digestsFile, 'utf8')) as Record<string, string>
    if (!environment || !(environment in digests))
      throw new UsageError(`Which environment? One of ${Object.keys(digests).join(', ')}.`)
    const projectId = project ?? `millrace-${environment}`
    if (spawnSync('gcloud', ['--version'], { stdio: 'ignore' }).status !== 0) {
      throw new UsageError('Building needs gcloud on the PATH, signed in: https://cloud.google.com/sdk/docs/install')
    }
    const image = `${region}-docker.pkg.dev/${projectId}/millrace/platform`
    const tag = output('git', ['rev-parse', '--short=12', 'HEAD'])
    const built = spawnSync(
      'gcloud',
      [
        'builds',
        'submit',
        '--project',
        projectId,
        '--config',
        'cloudbuild.yaml',
        '--substitutions',
        `_IMAGE=${image},_TAG=${tag}`,
        '.',
      ],
      { cwd: root, stdio: 'inherit' },
    )
    if (built.status !== 0)
      throw new UsageError(`The build failed; nothing was changed. Is the stack ${environment}-platform deployed?`)
    const digest = output('gcloud', [
      'artifacts',
      'docker',
      'images',
      'describe',
      `${image}:${tag}`,
      '--format=value(image_summary.digest)',
    ])
    writeFileSync(digestsFile, `${JSON.stringify({ ...digests, [environment]: digest }, undefined, 2)}\n`)
    console.log(`${image}@${digest} is what ${environment} runs from its next deploy on.`)
  },
})

function output(program: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new UsageError(`${program} ${args[0]} failed: ${stderr.trim()}`)
  return stdout.trim()
}
