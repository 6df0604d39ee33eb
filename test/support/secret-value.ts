/** The value of a secret, as its owner reads it. */

import type { Running } from '../../emulators/running.ts'

/** @param version A number, or `latest`. */
export async function secretValue(
  { apiHost, projectId }: Pick<Running, 'apiHost' | 'projectId'>,
  secret: string,
  version = 'latest',
): Promise<string> {
  const url = `http://${apiHost}/v1/projects/${projectId}/secrets/${secret}/versions/${version}:access`
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  const { payload } = (await response.json()) as { payload: { data: string } }
  return Buffer.from(payload.data, 'base64').toString()
}
