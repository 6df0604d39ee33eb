/** Reads the document of a request: its text, or that of a recorded one. */

import { type DocumentNode, parse } from 'graphql'
import type { Context } from 'hono'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Refused, refuseIf } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { unambiguousJsonFrom } from '../base/json-bytes.ts'
import { shortened } from '../base/shortened.ts'
import { MAX_DOCUMENT_CHARACTERS, MAX_TOKENS } from '../graphql/limits.ts'
import type { GraphqlRecord } from '../service/public-api.ts'

/** A message quotes the document. */
export const MESSAGE_CHARACTERS = 300

const requestSchema = z.strictObject({
  query: z.string().nullish(),
  /** `sha256:` and the digest of a recorded document, in place of its text. */
  documentId: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})
export type DocumentRequest = z.output<typeof requestSchema>

/** @throws Refused */
export function parsedRequest(value: unknown): DocumentRequest {
  refuseIf(Array.isArray(value), 'request-invalid', 'A request has one document: send those of a batch one by one.')
  const request = requestSchema.safeParse(value)
  if (request.success) return request.data
  throw new Refused('request-invalid', listOf(request.error, 'body'))
}

/** The members of a request by GET. @throws Refused */
export function inQuery(c: Context): object {
  return Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, [text = '', ...others]]) => {
      refuseIf(
        others.length > 0,
        'request-invalid',
        `A parameter is given twice: ${shortened(name, MESSAGE_CHARACTERS)}.`,
      )
      return [name, name === 'variables' || name === 'extensions' ? jsonIn(name, text) : text]
    }),
  )
}

function jsonIn(name: string, text: string): unknown {
  try {
    return unambiguousJsonFrom(Buffer.from(text))
  } catch (error) {
    throw new Refused('invalid-json', `The parameter ${name} is not JSON: ${(error as Error).message}`)
  }
}

/** The text of the document that is request for. @throws Refused */
export function textOf(
  { query, documentId }: DocumentRequest,
  documents: GraphqlRecord['documents'],
  isRecordedOnly: boolean,
): string {
  const digest = documentId?.replace(/^sha256:/, '')
  if (digest !== undefined) {
    if (!Object.hasOwn(documents, digest))
      throw new Refused('document-not-recorded', 'There is no recorded document with this documentId.')
    return documents[digest]!
  }
  if (!query) throw new Refused('request-invalid', 'Send a document as query, or its documentId.')
  if (!isRecordedOnly) return query
  // A client that sends the text of a recorded document asks for nothing else.
  const own = createHash('sha256').update(query).digest('hex')
  if (!Object.hasOwn(documents, own))
    throw new Refused('document-not-recorded', 'Recorded documents alone are answered here: send a documentId.')
  return query
}

/** @throws Refused */
export function parsed(text: string): DocumentNode {
  refuseIf(
    text.length > MAX_DOCUMENT_CHARACTERS,
    'document-too-complex',
    `The document has more than ${MAX_DOCUMENT_CHARACTERS} characters: ask for less, or in several requests.`,
  )
  try {
    return parse(text, { maxTokens: MAX_TOKENS })
  } catch (error) {
    const { message } = error as Error
    throw new Refused(
      message.includes(`more than ${MAX_TOKENS} tokens`) ? 'document-too-complex' : 'invalid-document',
      shortened(message, MESSAGE_CHARACTERS),
    )
  }
}
