/** Container images: a tag can be moved, a digest can't. */

import { type Code, UNKNOWN } from './code.ts'
import { readDockerfile, type Instruction } from './dockerfile.ts'
import { at, isText, listOf, readYaml, textsAt, valuesOf } from './yaml.ts'

const byDigest = /@sha256:[0-9a-f]{64}$/
const remedy = 'name it as image:tag@sha256:…'

export const withoutDigest = (images: readonly string[]): string[] =>
  images.filter((image) => !byDigest.test(image)).map((image) => `${image} has no digest — ${remedy}`)

/** Base images, images of COPY --from and mounts, the Dockerfile's frontend, and remote files of ADD. */
export function findInDockerfile(text: string): string[] {
  const frontends = [...text.matchAll(/^\s*(?:#|\/\/)\s*syntax\s*=\s*(\S+)/gim)].map(([, image]) => image!)
  const instructions = readDockerfile(text)
  return [...withoutDigest([...frontends, ...imagesOf(instructions)]), ...instructions.flatMap(findInAdd)]
}

/** Images of a registry, not earlier stages of the same file by name or number. */
function imagesOf(instructions: readonly Instruction[]): string[] {
  const images: string[] = []
  const stages: string[] = []
  const take = (image: string): void => {
    const isStage = stages.includes(image.toLowerCase()) || Number(image) < stages.length
    if (!isStage && image !== 'scratch') images.push(image)
  }
  for (const { name, flags, words } of instructions) {
    for (const flag of flags) {
      const [, image] = /^--(?:from=|mount=(?:.*,)?from=)([^,]+)/i.exec(flag) ?? []
      if (image) take(image)
    }
    if (name !== 'FROM') continue
    const [image, , stage] = words.split(/\s+/)
    take(image!)
    stages.push(stage?.toLowerCase() ?? '')
  }
  return images
}

function findInAdd({ name, flags, words }: Instruction): string[] {
  if (name !== 'ADD' || flags.some((flag) => /^--checksum=(?:sha256:[0-9a-f]{64}|[0-9a-f]{40})$/.test(flag))) return []
  return words
    .split(/\s+/)
    .slice(0, -1)
    .filter((source) => /:\/\/|^git@|\$/.test(source))
    .map((source) => `ADD ${source} takes the content of that day — add --checksum=sha256:…`)
}

/** Recognizes a build by its named steps, in any file. */
export function readBuild(text: string): {
  steps: readonly unknown[]
  texts: readonly string[]
  faults: readonly string[]
} {
  const none = { steps: [], texts: [], faults: [] }
  if (!/\bsteps\b/.test(text)) return none
  const { content, texts, faults } = readYaml(text)
  const steps = listOf(at(content, 'steps'))
  return faults.length > 0 || steps.some((step) => at(step, 'name') !== undefined) ? { steps, texts, faults } : none
}

/** The builders of Cloud Build's steps, and the frontend of a Dockerfile where a build names another. */
export function findInCloudBuild(text: string): string[] {
  const { steps, texts, faults } = readBuild(text)
  const builders = steps.map((step) => String(at(step, 'name')))
  const frontends = texts.flatMap((one) => /\bBUILDKIT_SYNTAX=(\S+)/.exec(one)?.[1] ?? [])
  return [...faults, ...withoutDigest([...builders, ...frontends])]
}

/** `image:` in YAML and JSON. */
export function findInData(text: string): string[] {
  // Most data files are large and contain no image.
  if (!/\bimage\b/.test(text)) return []
  const yaml = readYaml(text)
  return [...yaml.faults, ...withoutDigest(textsAt(yaml, 'image').filter(isName))]
}

/** Images of a job, of its services and of container steps. */
export function imagesOfWorkflow(content: unknown): string[] {
  const containers = valuesOf(at(content, 'jobs')).flatMap((job) => [
    at(job, 'container'),
    ...valuesOf(at(job, 'services')),
  ])
  return containers.map((one) => (isText(one) ? one : at(one, 'image'))).filter(isText)
}

/** Values of variables or properties named image, and any Docker Hub name with a tag. */
export function findInCode({ texts, named }: Code): string[] {
  const called = named.filter(([name]) => /image$/i.test(name)).map(([, image]) => image)
  const tagged = texts.filter((one) => /^[a-z\d][\w.-]*\/[\w.-]+:(?:v?\d[\w.-]*|latest|stable)$/.test(one))
  return withoutDigest([...called, ...tagged].filter(isName))
}

/** Not a digest alone, not a sentence, and not a text that a variable completes with a digest or that consists of variables. */
const isName = (image: string): boolean =>
  !/\s|^sha256:/.test(image) && !image.endsWith(`@${UNKNOWN}`) && /\w/.test(image.replaceAll(UNKNOWN, ''))

/** Images of known registries anywhere in stacks and code, except names that a variable completes with a path or a digest. */
export function findInSource(text: string): string[] {
  const image =
    /(?:[\w-]+\.)*\b(?:pkg\.dev|gcr\.io|docker\.io|ghcr\.io|quay\.io|mcr\.microsoft\.com|public\.ecr\.aws|registry\.k8s\.io)\/[\w.][\w./-]*\w(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?/g
  const found = [...text.matchAll(image)].filter(
    ({ 0: name, index }) => !/^[/@]\$\{/.test(text.slice(index + name.length)),
  )
  return withoutDigest(found.map(([name]) => name))
}
