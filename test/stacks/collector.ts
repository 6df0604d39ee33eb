/** The collector as its container starts it, where its program is at hand: everything as declared but for addresses. */

import { spawn, spawnSync } from 'node:child_process'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBody } from 'local-google-cloud/telemetry/otlp'

/** Its Cloud Run configuration. */
export interface Container {
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
}

type Environment = Readonly<Record<string, string>>

/** Its whole environment: what the machine has of its own, and who is signed in there, is no part of it. */
const environmentOf = ({ env }: Container, more: Environment = {}): Environment => ({
  // Terraform's escape is Terraform's to resolve.
  ...Object.fromEntries(env.map(({ name, value }) => [name, value.replaceAll('$${', () => '${')])),
  ...more,
})

/** What it says of its configuration, nothing when it is content. */
export function validate(program: string, container: Container): string {
  const { error, stdout, stderr } = spawnSync(program, ['validate', ...container.args], {
    env: environmentOf(container),
    encoding: 'utf8',
  })
  if (error) throw new Error(`MILLRACE_OTELCOL names ${program}, which does not start: ${error.message}.`)
  return `${stdout}${stderr}`
}

export interface RunningCollector {
  /** What it has logged so far. */
  output(): string
  /** As Cloud Run ends it. Resolves with its exit code. */
  stop(): Promise<number | null>
}

/** `overrides`: `exporters::otlp_http::endpoint` and its value, say. */
export function startCollector(
  program: string,
  container: Container,
  { overrides, env }: { readonly overrides: Readonly<Record<string, string>>; readonly env: Environment },
): RunningCollector {
  const more = Object.entries(overrides).map(([path, value]) => `--config=yaml:${path}: ${value}`)
  const child = spawn(program, [...container.args, ...more], {
    env: environmentOf(container, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return {
    output: () => output,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

export interface Heard {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly message: unknown
}

export interface Relay {
  readonly url: string
  readonly heard: readonly Heard[]
  close(): Promise<void>
}

/** Notes what is exported and passes it on, as it came. */
export async function startRelay(to: string): Promise<Relay> {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { url: path = '', headers } = request
      const bytes = Buffer.concat(chunks)
      const [type, encoding] = [headers['content-type'], headers['content-encoding']]
      const { message } = readBody(path === '/v1/traces' ? 'Trace' : 'Metrics', bytes, { type, encoding })
      const passed = { 'content-type': type ?? '', ...(encoding === undefined ? {} : { 'content-encoding': encoding }) }
      void fetch(`${to}${path}`, { method: 'POST', headers: passed, body: Uint8Array.from(bytes) }).then(
        async (answer) => {
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
          response.end(Buffer.from(await answer.arrayBuffer()))
          heard.push({ path, headers, message })
        },
        (error: unknown) => response.destroy(error as Error),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
