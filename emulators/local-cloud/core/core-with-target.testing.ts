/** The core of a plugin that sends requests to a target, for its tests: the target answers as a test says, and the core can be started again. */

import type { Unary } from './service.ts'
import { fakeContext, type FakeContext, type FakeContextOptions } from './fake-context.testing.ts'

export const LOCATION = 'projects/p/locations/l'
export const asOwner = { principal: 'owner', transport: 'grpc', signal: new AbortController().signal } as const

interface Sent {
  readonly atMs: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface Core {
  readonly unary: Readonly<Record<string, Unary>>
  start(): void
  stop(): void
}

export class CoreWithTarget<C extends Core> {
  readonly sent: Sent[] = []
  answer: (attempt: number) => Response | Promise<Response> = () => new Response(undefined, { status: 204 })
  fake: FakeContext
  core: C
  readonly #make: (context: FakeContext['context']) => C

  constructor(make: (context: FakeContext['context']) => C, options: FakeContextOptions = {}) {
    this.#make = make
    this.fake = fakeContext({
      ...options,
      fetch: async (url, { headers, body = '', signal }) => {
        this.sent.push({ atMs: this.fake.clock.now(), url, headers, body: Buffer.from(body).toString() })
        const stopped = new Promise<never>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        )
        return Promise.race([this.answer(this.sent.length), stopped])
      },
    })
    this.core = this.#started()
  }

  restart(): void {
    this.core.stop()
    this.fake = this.fake.restarted()
    this.core = this.#started()
  }

  call(method: string, request: object): Record<string, unknown> {
    return this.core.unary[method]!(request, asOwner) as Record<string, unknown>
  }

  #started(): C {
    const core = this.#make(this.fake.context)
    core.start()
    return core
  }
}
