/** Starts the services after a start of the platform, so that the first request need not wait for them. */

import type { CloudRunCore } from 'local-google-cloud/cloud-run'

/** As many as the processors of a small laptop: more at once only delay the first. A request starts its service in any case. */
export const MAX_CONCURRENT_STARTS = 2

/** Resolves with the services that did not start; the local cloud has printed the reasons. */
export async function warmUp(run: Pick<CloudRunCore, 'warm'>, services: readonly string[]): Promise<string[]> {
  const left = [...services]
  const failed: string[] = []
  const warmEach = async (): Promise<void> => {
    for (let service = left.shift(); service !== undefined; service = left.shift()) {
      try {
        await run.warm(service)
      } catch {
        failed.push(service)
      }
    }
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT_STARTS }, warmEach))
  return failed
}
