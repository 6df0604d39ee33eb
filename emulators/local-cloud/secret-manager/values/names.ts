/** Names of secrets and their versions. Google answers with the project's number, and takes its id as well. */

import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, notFound } from '../../core/status.ts'
import { limits } from './limits.ts'

type Project = CloudContext['project']

const SECRET_ID = new RegExp(`^[A-Za-z0-9_-]{1,${limits.secretIdCharacters}}$`)
const ALIAS = new RegExp(`^[A-Za-z][A-Za-z0-9_-]{0,${limits.aliasCharacters - 1}}$`)
const NUMBER = /^[1-9]\d{0,14}$/
export const LATEST = 'latest'

/** `projects/ID/secrets/SECRET`, under which policies and the journal have a secret. */
export const secretName = /^projects\/[^/]+\/secrets\/[^/]+$/

/** @throws INVALID_ARGUMENT, NOT_FOUND */
export function checkProject(name: string, project: Project): string {
  const [collection, id = '', ...rest] = name.split('/')
  if (collection !== 'projects' || id === '' || rest.length > 0)
    throw invalidArgument(
      `"${name}" is not the name of a project, like projects/${project.id}. The local cloud has no regional secrets.`,
    )
  if (id !== project.id && id !== project.number)
    throw notFound(`Project [${name}] was not found: the local cloud is ${project.id}.`)
  return `projects/${project.id}`
}

/** @throws INVALID_ARGUMENT */
export function checkSecretId(id: string): string {
  if (SECRET_ID.test(id)) return id
  throw invalidArgument(
    `secret_id: "${id}" must be 1 to ${limits.secretIdCharacters} letters, digits, hyphens and underscores.`,
  )
}

/** The name under which it is kept. @throws INVALID_ARGUMENT, NOT_FOUND */
export function checkSecretName(name: string, project: Project): string {
  const [projects, id, secrets, secret = '', ...rest] = name.split('/')
  if (secrets !== 'secrets' || secret === '' || rest.length > 0)
    throw invalidArgument(
      `"${name}" is not the name of a secret, like projects/${project.id}/secrets/SECRET. The local cloud has no regional secrets.`,
    )
  return `${checkProject(`${projects}/${id}`, project)}/secrets/${checkSecretId(secret)}`
}

/** The secret, and a number, an alias or `latest`. @throws INVALID_ARGUMENT, NOT_FOUND */
export function checkVersionName(
  name: string,
  project: Project,
): { readonly secret: string; readonly version: string } {
  const [secret = '', version = '', ...rest] = name.split('/versions/')
  if (rest.length > 0 || !(NUMBER.test(version) || ALIAS.test(version)))
    throw invalidArgument(
      `"${name}" is not the name of a version, like projects/${project.id}/secrets/SECRET/versions/1, with a number, an alias or ${LATEST}.`,
    )
  return { secret: checkSecretName(secret, project), version }
}

/** @throws INVALID_ARGUMENT */
export function checkAlias(alias: string): string {
  if (ALIAS.test(alias) && alias !== LATEST) return alias
  throw invalidArgument(
    `version_aliases: "${alias}" must be at most ${limits.aliasCharacters} letters, digits, hyphens and underscores, begin with a letter, and not be ${LATEST}.`,
  )
}

export const isNumber = (version: string): boolean => NUMBER.test(version)

/** As Google's answers have it: with the number of the project. */
export const answeredName = (name: string, { number }: Project): string =>
  name.replace(/^projects\/[^/]+/, `projects/${number}`)
