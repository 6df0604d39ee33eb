/** The size of a service, measured in its sources: lines of code, and the cognitive complexity of its functions. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

export interface SourceSize {
  /** Lines with code: neither empty nor comment alone. Tests do not count. */
  readonly lines: number
  /** The function that is hardest to read. */
  readonly hardest: { readonly file: string; readonly name: string; readonly complexity: number }
}

/** @param folder from the root of the repository */
export function sizeOf(root: string, folder: string): SourceSize {
  const files = globSync(`${folder}/**/*.ts`, { cwd: root }).filter((file) => !/\.(test|testing)\.ts$/.test(file))
  const texts = files.toSorted().map((file) => [file, readFileSync(join(root, file), 'utf8')] as const)
  const functions = texts.flatMap(([file, text]) => complexitiesIn(text).map((one) => ({ file, ...one })))
  const [hardest] = functions.toSorted((one, other) => other.complexity - one.complexity)
  return {
    lines: texts.reduce((sum, [, text]) => sum + linesOfCode(text), 0),
    hardest: hardest ?? { file: folder, name: 'no function', complexity: 0 },
  }
}

export const linesOfCode = (text: string): number =>
  text.split('\n').filter((line) => !/^\s*(\/\/.*|\/?\*.*)?$/.test(line)).length

interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'
const childrenOf = (node: Node): [field: string, child: Node][] =>
  Object.entries(node).flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child): [string, Node] => [field, child]),
  )
const isFunction = ({ type }: Node): boolean =>
  /^(Function(Declaration|Expression)|ArrowFunctionExpression)$/.test(type)

/** A name makes it a thing of its own to read; a function without one belongs to the function around it. */
const isNamed = (node: Node, parent: Node): boolean =>
  node.type === 'FunctionDeclaration' || /^(VariableDeclarator|Property|MethodDefinition)$/.test(parent.type)

/** Each function with a name, those without one that are inside it included, by Sonar's rules for cognitive complexity. */
export function complexitiesIn(text: string): { readonly name: string; readonly complexity: number }[] {
  const found: { name: string; complexity: number }[] = []
  const visit = (node: Node, parent: Node, name: string): void => {
    const own = ((node['id'] ?? node['key']) as { name?: string } | null)?.name ?? name
    if (isFunction(node) && isNamed(node, parent)) found.push({ name: own, complexity: complexityInside(node, 0) })
    for (const [, child] of childrenOf(node)) visit(child, node, own)
  }
  const { program } = parseSync('source.ts', text)
  visit(program as unknown as Node, program as unknown as Node, 'a function')
  return found
}

const BRANCHES = /^(For(In|Of)?Statement|(Do)?WhileStatement|SwitchStatement|CatchClause|ConditionalExpression)$/

/** A branch costs one, and one more for each level of nesting around it. */
function complexityOf(node: Node, nesting: number, parent: Node): number {
  if (node.type === 'IfStatement') return complexityOfIf(node, nesting, 1 + nesting)
  if (BRANCHES.test(node.type)) return 1 + nesting + complexityInside(node, nesting + 1)
  if (isFunction(node)) return isNamed(node, parent) ? 0 : complexityInside(node, nesting + 1)
  const isJump = /^(Break|Continue)Statement$/.test(node.type) && node['label'] !== null
  return (isJump ? 1 : 0) + complexityInside(node, nesting)
}

/** `else if` continues a chain: it costs one, whatever the nesting. */
function complexityOfIf(node: Node, nesting: number, ownCost: number): number {
  const otherwise = node['alternate'] as Node | null
  const ofElse =
    otherwise === null
      ? 0
      : otherwise.type === 'IfStatement'
        ? complexityOfIf(otherwise, nesting, 1)
        : 1 + complexityOf(otherwise, nesting + 1, node)
  return (
    ownCost +
    complexityOf(node['test'] as Node, nesting, node) +
    complexityOf(node['consequent'] as Node, nesting + 1, node) +
    ofElse
  )
}

/** A sequence of the same logical operator costs one. */
function complexityInside(node: Node, nesting: number): number {
  const children = childrenOf(node)
  const ofOperator =
    node.type === 'LogicalExpression' && node['operator'] !== '??'
      ? Number(!children.some(([field, one]) => field === 'left' && one['operator'] === node['operator']))
      : 0
  return children.reduce((sum, [, child]) => sum + complexityOf(child, nesting, node), ofOperator)
}
