/** The string literals of a program, and the lists that contain them. */

import { parseSync, type Node, Visitor } from 'oxc-parser'

/** A placeholder for a value that the program computes. */
export const UNKNOWN = '${}'

export interface Code {
  readonly texts: readonly string[]
  /** The items of each array; the arguments of each call, with the items of those that are arrays. */
  readonly lists: readonly (readonly string[])[]
  /** Texts with the name of the property or the variable that holds them. */
  readonly named: readonly (readonly [name: string, text: string])[]
}

export function readCode(text: string): Code {
  const { program, errors } = parseSync('program.ts', text)
  if (errors.length > 0) throw new Error(`A program can't be read: ${errors[0]!.message}`)
  const texts: string[] = []
  const lists: string[][] = []
  const named: (readonly [string, string])[] = []
  const name = (key: Node, value: Node | null): void => {
    if (value) named.push(...textsIn(value).map((one) => [nameOf(key), one] as const))
  }
  new Visitor({
    Literal: (node) => void texts.push(...textsIn(node)),
    TemplateLiteral: (node) => void texts.push(...textsIn(node)),
    ArrayExpression: (node) => void lists.push(itemsOf(node)),
    CallExpression: (node) => void lists.push(node.arguments.flatMap(itemsOf)),
    Property: ({ key, value }) => name(key, value),
    PropertyDefinition: ({ key, value }) => name(key, value),
    VariableDeclarator: ({ id, init }) => name(id, init),
    AssignmentExpression: ({ left, right }) => name(left, right),
  }).visit(program)
  return { texts, lists, named }
}

/** The possible texts of an expression, as far as its source shows them. */
function textsIn(node: Node): string[] {
  if (node.type === 'Literal') return typeof node.value === 'string' ? [node.value] : []
  if (node.type === 'TemplateLiteral') return [node.quasis.map(({ value }) => value.cooked ?? value.raw).join(UNKNOWN)]
  if (node.type === 'ConditionalExpression') return [...textsIn(node.consequent), ...textsIn(node.alternate)]
  if (node.type === 'LogicalExpression') return [...textsIn(node.left), ...textsIn(node.right)]
  if (node.type === 'BinaryExpression')
    return [[node.left, node.right].map((side) => textsIn(side)[0] ?? UNKNOWN).join('')]
  return 'expression' in node && typeof node.expression === 'object' ? textsIn(node.expression) : []
}

function itemsOf(node: Node | null): string[] {
  if (node?.type === 'ArrayExpression') return node.elements.flatMap(itemsOf)
  return [(node && textsIn(node)[0]) ?? UNKNOWN]
}

function nameOf(key: Node): string {
  if (key.type === 'Identifier') return key.name
  return key.type === 'MemberExpression' ? nameOf(key.property) : (textsIn(key)[0] ?? '')
}
