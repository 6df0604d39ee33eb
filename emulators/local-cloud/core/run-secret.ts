/**
 * The secret of one run. Every user and program of the machine reaches loopback; requests outside Google's APIs, and
 * requests that start processes, need the secret, which only readers of `running.json` (0600) have.
 */

import type { MiddlewareHandler } from 'hono'
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export const SECRET_HEADER = 'x-local-cloud-secret'
const SECRET_BYTES = 32

/** A new secret of letters, digits, `-` and `_`, which the user part of a URL may contain unescaped. */
export const makeSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/**
 * Whether a request carries it: in the header `x-local-cloud-secret`; as the user of Basic authentication, which curl and
 * other clients make from `http://SECRET@127.0.0.1:4100`; or as a Bearer token, which Terraform's provider makes of
 * `access_token`.
 */
export function carriesSecret(header: (name: string) => string | undefined, secret: string): boolean {
  const [, scheme = '', credentials = ''] = /^(basic|bearer) (\S+)$/i.exec(header('authorization') ?? '') ?? []
  const user = scheme.toLowerCase() === 'basic' ? decode(credentials).split(':')[0]! : credentials
  return [header(SECRET_HEADER) ?? '', user].some((given) => isEqual(given, secret))
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')

/** In a time that tells nothing of where they differ: digests have one length. */
function isEqual(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(secret))
}

/** @param command The shell command that prints the secret, for the message; absent: the message names no command. */
export function secretRemedy(command?: string): string {
  const printed = command === undefined ? '' : `${command} prints it; `
  const user = command === undefined ? 'SECRET' : `"$(${command})"`
  return `${printed}send it as the header ${SECRET_HEADER}, or as the user of Basic authentication: curl -u ${user}:`
}

/** Answers 401 to requests without it. See `secretRemedy`. */
export function requireSecret(secret: string, command?: string): MiddlewareHandler {
  return async (c, next) => {
    if (carriesSecret((name) => c.req.header(name), secret)) return next()
    const message = `${c.req.method} ${c.req.path} asks for the secret of this run. Remedy: ${secretRemedy(command)}`
    // Browsers then ask for it, so that a person may open such an address.
    c.header('www-authenticate', 'Basic realm="the secret of this run, as the user"')
    return c.json({ error: { code: 401, status: 'UNAUTHENTICATED', message } }, 401)
  }
}
