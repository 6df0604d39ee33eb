/** The names of an operation as a remote procedure: `/millrace.kitchen.v1.KitchenService/ReadMenu`. */

import type { Operation } from '../service/operation.ts'

export interface RpcName {
  /** `millrace.kitchen.v1`: the version is that of the operation's path. */
  readonly package: string
  /** With its package. */
  readonly service: string
  readonly method: string
  readonly path: string
}

/** The procedures of the platform itself. */
export const HEALTH_RPC = '/grpc.health.v1.Health/Check'
export const REFLECTION_RPC = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
/** The former version, which the messages of v1 suit as well: some clients know no other. */
export const FORMER_REFLECTION_RPC = '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo'

const capitalized = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`
const camel = (name: string): string => name.split('-').map(capitalized).join('')

/** @param owner The service that answers it. */
export function rpcNameOf(owner: string, id: string, { path }: Pick<Operation, 'path'>): RpcName {
  const version = versionOf({ path })!
  const packageName = `millrace.${owner.replaceAll('-', '_')}.${version}`
  const service = `${packageName}.${serviceNameOf(owner)}`
  // An earlier version of an operation has the suffix of its path, which the package has already.
  const method = capitalized(id.replace(new RegExp(`V${version.slice(1)}$`), ''))
  return { package: packageName, service, method, path: `/${service}/${method}` }
}

export const serviceNameOf = (owner: string): string => `${camel(owner)}Service`

/** The name of the file that declares a package: `millrace/kitchen/v1/kitchen.proto`. */
export function fileOf(packageName: string): string {
  const parts = packageName.split('.')
  return `${parts.join('/')}/${parts.at(-2)!}.proto`
}

const versionOf = ({ path }: Pick<Operation, 'path'>): string | undefined => /^\/(v\d+)\//.exec(path)?.[1]

/**
 * Whether it is a remote procedure as well: it takes a message and answers with one. A webhook, whose sender signs the bytes of its
 * body, and the pages about the API itself, which have no version, do not.
 */
export const isRpc = ({ access, answers, path }: Pick<Operation, 'access' | 'answers' | 'path'>): boolean =>
  access !== 'signed' &&
  versionOf({ path }) !== undefined &&
  Object.entries(answers).every(([status, [, schema]]) => schema !== undefined || status === '204')
