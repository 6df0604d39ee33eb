/** The parts of a request whose parameters and body come as the fields of one message. */

import { parsedBody } from '../http/http.ts'
import { parsedParameters } from '../http/parameters.ts'
import type { Operation } from '../service/operation.ts'
import type { RequestParts } from './handle.ts'

/** Each part is checked when it is read: the caller is known by then. */
export function partsOf(values: Readonly<Record<string, unknown>>, operation: Operation): RequestParts {
  const { parameters = {}, body } = operation
  return {
    params: () => parsedParameters(operation, (name) => textOf(values[name])),
    body: () =>
      body &&
      parsedBody(body, Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(parameters, name)))),
  }
}

/** Parameters are texts, as a URL has them. */
const textOf = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value)
