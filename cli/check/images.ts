/** Container images: a tag can be moved, a digest can't. */

const byDigest = /@sha256:[0-9a-f]{64}$/
const remedy = 'name it as image:tag@sha256:…'
const withoutDigest = (images: readonly string[]): string[] =>
  images.filter((image) => !byDigest.test(image)).map((image) => `${image} has no digest — ${remedy}`)

/** Base images and `COPY --from`, but for the stages of the file itself. */
export function findInDockerfile(text: string): string[] {
  const stages = new Set([...text.matchAll(/^FROM .+ AS (\S+)$/gim)].map(([, stage]) => stage!))
  const bases = [...text.matchAll(/^FROM (?:--\S+ )*(\S+)/gim)].map(([, image]) => image!)
  const copied = [...text.matchAll(/--from=(\S+)/g)].map(([, image]) => image!)
  return withoutDigest([...bases, ...copied].filter((image) => !stages.has(image) && image !== 'scratch'))
}

/** The builders of Cloud Build's steps. */
export function findInCloudBuild(text: string): string[] {
  return withoutDigest([...text.matchAll(/^\s*(?:- )?name: ['"]?([^\s'"]+)/gm)].map(([, image]) => image!))
}

/** Images of known registries anywhere in stacks and code, but for names that a variable completes with a path or a digest. */
export function findInSource(text: string): string[] {
  const image =
    /(?:[\w-]+\.)*\b(?:pkg\.dev|gcr\.io|docker\.io|ghcr\.io|quay\.io)\/[\w.][\w./-]*\w(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?/g
  const found = [...text.matchAll(image)].filter(
    ({ 0: name, index }) => !/^[/@]\$\{/.test(text.slice(index + name.length)),
  )
  return withoutDigest(found.map(([name]) => name))
}
