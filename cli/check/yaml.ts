/** YAML, and with it JSON, as its readers see it: in block or flow style, folded, quoted or by alias. */

import { isAlias, isNode, isScalar, parseDocument, visit } from 'yaml'

export interface Entry {
  readonly name: string
  readonly value: unknown
  /** What follows the value on its line. */
  readonly rest: string
}

export interface Yaml {
  readonly content: unknown
  /** Of every mapping, however deep. */
  readonly entries: readonly Entry[]
  /** Every mapping that is the item of a list, as the steps of a job are. */
  readonly steps: readonly unknown[]
  /** Every text that is a value. */
  readonly texts: readonly string[]
  /** Why it can't be read; what is above is then not all of it. */
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

/** The texts under that name: one, or the items of a list. */
export const textsAt = ({ entries }: Yaml, name: string): string[] =>
  entries.filter((entry) => entry.name === name).flatMap(({ value }) => listOf(value).filter(isText))

export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

export const valuesOf = (mapping: unknown): unknown[] => Object.values(mapping ?? {})

export const isText = (value: unknown): value is string => typeof value === 'string'

/** The value under that name, or undefined where there is no mapping. */
export const at = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
