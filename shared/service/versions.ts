/** Versions of one public operation, served side by side: former paths, bodies and answers, each with its way to the newest. */

import { pathParametersOf } from '../contracts/query.ts'
import type { Api, DeclaredOperation } from './api.ts'
import type { EarlierVersion, Shaped } from './earlier-version.ts'
import type { Operation } from './operation.ts'

/** One version of a declared operation, as it is served. */
export interface ServedVersion {
  readonly id: string
  readonly method: Operation['method']
  readonly path: string
  readonly declared: DeclaredOperation
  /** Absent: it is the newest. */
  readonly earlier?: EarlierVersion
  readonly describe: () => Operation
}

/** The newest version of each operation, and those that are served beside it. @throws Error for a version that does not fit its operation */
export const servedBy = ({ operations }: Pick<Api, 'operations'>): readonly ServedVersion[] =>
  Object.entries(operations).flatMap(([id, declared]) => {
    const { method, path, earlier = [], describe } = declared
    return [
      { id, method, path, declared, describe },
      ...earlier.map((one) => ({
        id: `${id}V${versionIn(one.path, id)}`,
        method,
        path: checkedPath(one.path, { id, path }),
        declared,
        earlier: one,
        describe: () => former(describe(), one),
      })),
    ]
  })

function versionIn(path: string, id: string): number {
  const [, version] = /^\/v([1-9]\d*)\//.exec(path) ?? []
  if (version === undefined)
    throw new Error(`The operation ${id} has versions, and ${path} names none: begin it with /v1/.`)
  return Number(version)
}

function checkedPath(earlier: string, { id, path }: { readonly id: string; readonly path: string }): string {
  if (versionIn(earlier, id) >= versionIn(path, id))
    throw new Error(
      `The operation ${id} is at ${path}, and ${earlier} is no earlier version: declare the newest, with the former in its \`earlier\`.`,
    )
  const [was, is] = [earlier, path].map((one) => pathParametersOf({ path: one }).toSorted().join())
  if (was !== is)
    throw new Error(`${earlier} has other parameters than ${path}, which answers its requests: name the same.`)
  return earlier
}

function former(newest: Operation, { path, body, answers = {}, deprecated }: EarlierVersion): Operation {
  const shapes = answers as Readonly<Record<string, Shaped | undefined>>
  return {
    ...newest,
    path,
    ...(body ? { body: body.schema } : {}),
    answers: Object.fromEntries(
      Object.entries(newest.answers).map(([status, [meaning, schema]]) => {
        const shown = shapes[status]?.schema ?? schema
        return [status, shown ? [meaning, shown] : [meaning]]
      }),
    ),
    deprecated: deprecated && { ...deprecated, successor: newest.path },
  }
}
