/** Common parts of partners: an HTTP address, a ledger that survives a restart, callers with a token. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { type Clock, type Journal, openHttp, openJournal, parseJson, systemClock } from 'local-google-cloud/host'

const MAX_BODY_BYTES = 64 * 1024

export interface PartnerOptions {
  /** 0 (the default): any free one. */
  readonly port?: number
  /** The folder of the ledger. Absent: the ledger is only in memory. */
  readonly dataDir?: string
  readonly clock?: Clock
  /** Throws for a token that the partner does not accept; absent: no token is required. */
  readonly verify?: (token: string) => Promise<unknown>
  /** The run secret, which pages without a token require. Absent: they require nothing. */
  readonly secret?: string
  /** How long an answer takes, in milliseconds. */
  readonly delayMs?: number
}

export interface PartnerServer {
  readonly url: string
  readonly port: number
  readonly journal: Journal
  readonly clock: Clock
  close(): Promise<void>
}

/** The parameters that `npm start` passes to each partner. */
export interface PartnerContext {
  readonly port: number
  /** The folder of its ledger. Absent: the ledger is only in memory. */
  readonly dataDir?: string
  /** Throws when the ID token is not for the partner's address: for a partner that takes the caller's identity. */
  readonly verify: (token: string) => Promise<unknown>
  /** The values that Secret Manager has enabled for a secret, newest first: the keys of this account. During a rotation there are two. */
  readonly credentials: (secret: string) => readonly string[]
  /** The run secret, for pages without a token. */
  readonly secret: string
  /** The values of the services' settings: a partner may call back an address that services know too. */
  readonly settings: Readonly<Record<string, string>>
}

/** Starts a partner at the port. @throws Error (EADDRINUSE) that names the port when it is taken */
export type StartPartner = (context: PartnerContext) => Promise<Pick<PartnerServer, 'close'>>

/** Partners by name. The stacks give services the address of each by that name. */
export type Partners = Readonly<Record<string, StartPartner>>

/** The partners that the functions of `P` have started. */
export type Started<P extends Partners> = { readonly [Name in keyof P]: Awaited<ReturnType<P[Name]>> }

/** A refusal that is answered with its status and code. */
export class PartnerRefusal extends Error {
  readonly status: 400 | 401 | 402 | 404 | 409 | 422
  readonly code: string

  constructor(status: PartnerRefusal['status'], code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The partner without its socket, for simulations in one process. */
export interface PartnerApp {
  readonly app: Hono
  readonly journal: Journal
  readonly clock: Clock
}

export function partnerApp(options: PartnerOptions, routes: (partner: PartnerApp) => void): PartnerApp {
  const clock = options.clock ?? systemClock
  const journal = openJournal(options.dataDir === undefined ? {} : { directory: options.dataDir })
  const app = new Hono()
  app.use(async (_, next) => {
    await next()
    journal.flush()
  })
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => c.json({ code: 'body-too-large', message: `At most ${MAX_BODY_BYTES} bytes.` }, 413),
    }),
  )
  app.use('/v1/*', async (c, next) => {
    const token = /^bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (options.verify) {
      if (!token) throw new PartnerRefusal(401, 'token-missing', 'Send your credential: Authorization: Bearer …')
      await options.verify(token).catch((error: unknown) => {
        throw new PartnerRefusal(401, 'token-invalid', error instanceof Error ? error.message : String(error))
      })
    }
    if (options.delayMs) await new Promise<void>((resolve) => void clock.at(clock.now() + options.delayMs!, resolve))
    await next()
  })
  const partner = { app, journal, clock }
  routes(partner)
  app.onError((error, c) => {
    if (error instanceof PartnerRefusal) return c.json({ code: error.code, message: error.message }, error.status)
    console.error(error)
    return c.json({ code: 'internal', message: 'The partner failed.' }, 500)
  })
  return partner
}

/** Checks that a caller has one of these keys. Its time does not reveal how much of a wrong key is right. */
export function keyCheck(keys: () => readonly string[]): NonNullable<PartnerOptions['verify']> {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return async (token) => {
    const given = digest(token)
    if (!keys().some((key) => timingSafeEqual(digest(key), given)))
      throw new Error('This is no key of the account, or it was revoked.')
  }
}

/** @throws Error (EADDRINUSE) that names the port when it is taken. */
export async function openPartner(
  { app, journal, clock }: PartnerApp,
  options: PartnerOptions,
): Promise<PartnerServer> {
  const { port, close } = await openHttp(options.port ?? 0, app, 'a partner')
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    journal,
    clock,
    async close() {
      await close()
      journal.close()
    },
  }
}

export async function bodyOf(request: { text(): Promise<string> }): Promise<Record<string, unknown>> {
  const text = await request.text()
  try {
    const body = parseJson(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  } catch (error) {
    throw new PartnerRefusal(400, 'invalid-json', (error as Error).message)
  }
  throw new PartnerRefusal(400, 'invalid-json', 'The body is not a JSON object.')
}
