/** The options of each message of Google's API description, which is the one from which the types of the official client were made. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Options, verdictOf } from './options.ts'

const client = createRequire(import.meta.url).resolve('@google-cloud/bigquery')
export const description = readFileSync(join(client, '../types.d.ts'), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')

/** Of a message: each option with the text of its type. */
export function described(type: string): [name: string, type: string][] {
  const body = new RegExp(String.raw`\n( *)type ${type} = \{([\s\S]*?)\n\1\};`).exec(description)?.[2]
  if (body === undefined) throw new Error(`The client's types have no ${type}.`)
  return fieldsOf(body)
}

/** The fields at the outermost level of a type's text. */
export function fieldsOf(body: string): [name: string, type: string][] {
  const fields: [string, string][] = []
  let depth = 0
  let field = ''
  for (const character of body) {
    if ('{<('.includes(character)) depth += 1
    if ('}>)'.includes(character)) depth -= 1
    if (character !== ';' || depth > 0) field += character
    else {
      const [, name, type] = /^\s*'?([\w.$]+)'?\?:\s*([\s\S]*)$/.exec(field) ?? []
      if (name !== undefined) fields.push([name, type!])
      field = ''
    }
  }
  return fields
}

/** The message inside an option, if it has one. */
function insideOf(type: string): [name: string, type: string][] | undefined {
  const named = /^(?:Array<\s*)?(I[A-Z]\w+)/.exec(type)?.[1]
  if (named !== undefined) return named.startsWith('IJson') ? undefined : described(named)
  const inline = /^(?:Array<)?\{([\s\S]*)\}>?$/.exec(type)?.[1]
  return inline === undefined || inline.includes('[key: string]') ? undefined : fieldsOf(inline)
}

export interface Walked {
  readonly path: string
  readonly type: string
  readonly verdict: ReturnType<typeof verdictOf>
}

export function walk(fields: [name: string, type: string][], options: Options, path = '', depth = 0): Walked[] {
  return fields.flatMap(([name, type]): Walked[] => {
    const place = path === '' ? name : `${path}.${name}`
    const verdict = verdictOf(options, name)
    const one = { path: place, type, verdict }
    const inside = verdict === 'honoured' || verdict === 'kept' ? options.inside?.[name] : undefined
    const inner = inside && insideOf(type)
    // Fields of fields, types of types.
    return inner && depth < 6 ? [one, ...walk(inner, inside(), place, depth + 1)] : [one]
  })
}
