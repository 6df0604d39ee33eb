/** The collector as its container starts it, if its program is installed: with the declared configuration except addresses. */

import { spawn, spawnSync } from 'node:child_process'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBody } from 'local-google-cloud/telemetry/otlp'

/** The collector's container in Cloud Run. */
export interface Container {
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
}

type Environment = Readonly<Record<string, string>>

/** The whole environment of the process, without the variables and credentials of this machine. */
const environmentOf = ({ env }: Container, more: Environment = {}): Environment => ({
  // Terraform would resolve its escape.
  ...Object.fromEntries(env.map(({ name, value }) => [name, value.replaceAll('$${', () => '${')])),
  ...more,
})

/** The collector's complaints about its configuration; empty without complaints. */
export function validate(program: string, container: Container): string {
  const { error, stdout, stderr } = spawnSync(program, ['validate', ...container.args], {
    env: environmentOf(container),
    encoding: 'utf8',
  })
  if (error) throw new Error(`MILLRACE_OTELCOL names ${program}, which does not start: ${error.message}.`)
  return `${stdout}${stderr}`
}

export interface RunningCollector {
  /** Its log so far. */
  output(): string
  /** Ends it by SIGTERM like Cloud Run. Resolves with its exit code. */
  stop(): Promise<number | null>
}

/** `overrides`: for example `exporters::otlp_http::endpoint` and its value. */
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

export interface ExportRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly message: unknown
}

export interface Relay {
  readonly url: string
  readonly received: readonly ExportRequest[]
  close(): Promise<void>
}

/** Records the exported requests and passes them on unchanged. */
export async function startRelay(to: string): Promise<Relay> {
  const received: ExportRequest[] = []
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
          received.push({ path, headers, message })
        },
        (error: unknown) => response.destroy(error as Error),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
