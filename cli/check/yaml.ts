/** Parses YAML, and so JSON, in every notation: block or flow style, folded, quoted or by alias. */

import { isAlias, isNode, isScalar, parseDocument, visit } from 'yaml'

export interface Entry {
  readonly name: string
  readonly value: unknown
  /** The comment after the value on its line. */
  readonly rest: string
}

export interface Yaml {
  readonly content: unknown
  /** The entries of every mapping, at any depth. */
  readonly entries: readonly Entry[]
  /** Every mapping that is an item of a list, such as a step of a job. */
  readonly steps: readonly unknown[]
  /** Every string value. */
  readonly texts: readonly string[]
  /** The parse error; the other fields are then incomplete. */
  readonly faults: readonly string[]
}

export function readYaml(text: string): Yaml {
  const document = parseDocument(text, { merge: true })
  const entries: Entry[] = []
  const steps: unknown[] = []
  const texts: string[] = []
  visit(document, {
    Pair(_, { key, value }) {
      const name = String(isScalar(key) ? key.value : key)
      const node = isAlias(value) ? value.resolve(document) : value
      const end = (isNode(value) && value.range?.[1]) || text.length
      const rest = text.slice(end, endOfLine(text, end))
      entries.push({ name, value: isNode(node) ? (node.toJS(document) as unknown) : node, rest })
    },
    Seq(_, { items }) {
      steps.push(...items.filter(isNode).map((item) => item.toJS(document) as unknown))
    },
    Scalar(key, { value }) {
      if (key !== 'key' && typeof value === 'string') texts.push(value)
    },
  })
  const faults = document.errors.map(({ message }) => `it can't be read as YAML: ${message.split('\n')[0]}`)
  return { content: faults.length === 0 ? document.toJS() : undefined, entries, steps, texts, faults }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

/** The strings under that key: one, or the items of a list. */
export const textsAt = ({ entries }: Yaml, name: string): string[] =>
  entries.filter((entry) => entry.name === name).flatMap(({ value }) => listOf(value).filter(isText))

export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

export const valuesOf = (mapping: unknown): unknown[] => Object.values(mapping ?? {})

export const isText = (value: unknown): value is string => typeof value === 'string'

/** The value under that key; undefined if it is not in a mapping. */
export const at = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
