/** Calls the local cloud's own public API as its owner, by the handler of its port: provisioning uses no other way in. */

import { setImmediate } from 'node:timers/promises'
import { SECRET_HEADER } from '../run-secret.ts'
import type { OwnerApi } from './provisioner.ts'

/** @param send to the handler of the owner's port; a socket to this process would be half of a call's processor time */
export function ownerApi(url: string, secret: string, send: (request: Request) => Promise<Response>): OwnerApi {
  return async (method, path, body) => {
    const request = new Request(`${url}${path}`, {
      method,
      headers: { [SECRET_HEADER]: secret, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const response = await send(request)
    const text = await response.text()
    // As after a call over a socket: a caller's loop would otherwise leave no turn to timers and to other callers.
    await setImmediate()
    const answer: unknown = text === '' ? undefined : JSON.parse(text)
    if (!response.ok) throw apiError(response.status, answer)
    return answer
  }
}

/** A refusal of the local cloud's API, with its HTTP status and canonical code. */
class ApiError extends Error {
  readonly httpStatus: number
  readonly code: string

  constructor(httpStatus: number, code: string, message: string) {
    super(message)
    this.name = 'ApiError'
    this.httpStatus = httpStatus
    this.code = code
  }
}

function apiError(httpStatus: number, answer: unknown): ApiError {
  const { message, status } = (answer as { error?: { message?: string; status?: string } } | undefined)?.error ?? {}
  const code = status ?? String(httpStatus)
  return new ApiError(httpStatus, code, `${code}: ${message ?? JSON.stringify(answer)}`)
}
