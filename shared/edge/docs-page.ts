/** The OpenAPI document as a page: plain HTML made here, so that it loads nothing from anywhere. */

import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { OperationContext } from '../service/operation-context.ts'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f4f4f2;padding:.75rem;overflow:auto}
section{border-top:1px solid #ddd;padding:.5rem 0}h2 code:first-child{color:#06546b}td{padding:.1rem 1rem .1rem 0;vertical-align:top}`
/** Whole, so that no formatter puts white space into it: the policy is a hash of exactly this text. */
const styleElement = raw(`<style>${style}</style>`)
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'`

interface Described {
  readonly summary: string
  readonly description?: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: unknown }
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { schema: unknown }>> }>
  >
}

type Document = Readonly<Record<string, unknown>>

type Html = ReturnType<typeof html>

/** Rendered once, because the page is public and the same for every caller. */
export function servePage(draw: () => Html): (c: OperationContext) => Promise<Response> {
  let drawn: Html | undefined
  return async (c) => {
    c.header('content-security-policy', policy)
    drawn ??= draw()
    return c.checked(String(await drawn), 200, 'text/html; charset=UTF-8')
  }
}

/** @param hasMessages whether there is a page of the messages beside it */
export const createDocsPage = (document: () => Document, hasMessages: boolean): ReturnType<typeof servePage> =>
  servePage(() => page(document(), hasMessages))

export const pageOf = (title: string, content: Html) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`

function page(document: Document, hasMessages: boolean) {
  const { info, paths } = document as unknown as {
    info: { title: string; description: string }
    paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  }
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => section(method, path, described)),
  )
  const messages = hasMessages ? html` <a href="/docs/messages">The messages between the services</a>` : ''
  return pageOf(
    info.title,
    html`<p>${info.description} <a href="/openapi.json">openapi.json</a>${messages}</p>
      ${all}`,
  )
}

function section(
  method: string,
  path: string,
  { summary, description, parameters, requestBody, responses }: Described,
) {
  const rows = Object.entries(responses).map(
    ([status, { description: meaning }]) =>
      html`<tr>
        <td>${status}</td>
        <td>${meaning}</td>
      </tr>`,
  )
  const names = parameters.map(({ name, in: where }) => `${name} (${where})`).join(', ')
  const success = Object.entries(responses).find(
    ([status, { content }]) => status < '300' && content?.['application/json'],
  )
  return html`<section>
    <h2><code>${method.toUpperCase()}</code> <code>${path}</code></h2>
    <p>${summary}. ${description ?? ''}</p>
    ${names ? html`<p>Parameters: ${names}</p>` : ''}
    ${
      requestBody
        ? html`<details>
            <summary>Body</summary>
            <pre>${pretty(requestBody.content)}</pre>
          </details>`
        : ''
    }
    ${
      success
        ? html`<details>
            <summary>Answer</summary>
            <pre>${pretty(success[1].content)}</pre>
          </details>`
        : ''
    }
    <table>
      ${rows}
    </table>
  </section>`
}

function pretty(content: unknown): string {
  const [media] = Object.values(content as Record<string, { schema: unknown }>)
  return JSON.stringify(media!.schema, undefined, 2)
}
