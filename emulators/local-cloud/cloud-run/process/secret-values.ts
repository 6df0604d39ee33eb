/** The values of a container's variables that refer to secrets, read as the service's account when an instance starts. */

import type { CloudContext } from '../../core/plugin.ts'
import { servingContainer, type ServiceResource, type SecretReference } from '../values/service.ts'

/** The function of the Secret Manager plugin for others. */
export interface SecretAccess {
  access(principal: string, version: string): Buffer
}

/**
 * By variable. They are handed to the process, and kept nowhere.
 * @throws Error that names the variable, the secret and the reason
 */
export function secretValues(
  { project, peer }: Pick<CloudContext, 'project' | 'peer'>,
  { template }: Pick<ServiceResource, 'template'>,
): Record<string, string> {
  const account = template.serviceAccount ?? ''
  const values = (servingContainer(template).env ?? []).flatMap(({ name, valueSource }) => {
    const reference = valueSource?.secretKeyRef
    if (!reference) return []
    const version = versionName(reference, project.id)
    try {
      return [[name, textOf(peer<SecretAccess>('secret-manager').access(account, version))] as const]
    } catch (error) {
      throw new Error(`the variable ${name} of ${account} has no value: ${(error as Error).message}`, { cause: error })
    }
  })
  return Object.fromEntries(values)
}

const versionName = ({ secret, version = 'latest' }: SecretReference, project: string): string =>
  `${secret.includes('/') ? secret : `projects/${project}/secrets/${secret}`}/versions/${version}`

/** @throws Error for bytes that no variable can have, without them */
function textOf(value: Buffer): string {
  const text = value.toString()
  if (!value.equals(Buffer.from(text)) || text.includes('\0'))
    throw new Error(`its ${value.length} bytes are no UTF-8 text without NUL, which alone a variable can have.`)
  return text
}
