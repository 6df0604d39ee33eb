/** Small edits of a program's text, at the places that its syntax tree names; the formatter does the rest. */

import { type ImportDeclaration, type Node, parseSync, type Program, Visitor } from 'oxc-parser'

type Literal = Extract<Node, { type: 'ObjectExpression' | 'ArrayExpression' }>

/** Finds the object or array to which an item is added; undefined if the text has neither. */
export type Find = (program: Program) => Node | null | undefined

/** Thrown when an edit does not fit a file, with the remedy; no file has been written by then. */
export class EditError extends Error {}

const BY_HAND = 'follow docs/add-a-service.md by hand'

function parse(text: string): Program {
  const { program, errors } = parseSync('program.ts', text)
  if (errors.length > 0) throw new EditError(`it does not parse (${errors[0]!.message}): correct it first`)
  return program
}

/** Whether a variable can have this name: `export` and `public` are reserved words. */
export const isIdentifier = (name: string): boolean =>
  parseSync('program.ts', `const ${name} = 1\nexport { ${name} }`).errors.length === 0

/**
 * The text with one more item at the end of an object or array.
 * @throws EditError when `find` leads to neither.
 */
export function withItem(text: string, find: Find, item: string): string {
  const literal = find(parse(text))
  if (!isLiteral(literal)) throw new EditError(`there is no list to add it to: ${BY_HAND}`)
  const items: readonly (Node | null)[] = literal.type === 'ObjectExpression' ? literal.properties : literal.elements
  const last = items.at(-1)
  return last ? insert(text, last.end, `, ${item}`) : insert(text, literal.start + 1, item)
}

/** The text of a JSON file with one more entry at its end; `text` is undefined where there was no file. */
export function withEntry(text: string | undefined, key: string, value: object): string {
  const entry = `${JSON.stringify(key)}: ${JSON.stringify(value)}`
  if (text === undefined || Object.keys(JSON.parse(text) as object).length === 0) return `{\n${entry}\n}\n`
  return text.replace(/\s*\}\s*$/, `,\n${entry}\n}\n`)
}

/** All names of variables, parameters, properties and types in a program. */
export function identifiersIn(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  new Visitor({ Identifier: ({ name }) => void names.add(name) }).visit(parse(text))
  return names
}

/** As `withItem` for the list that is a property of an object; an object without it gets it. @throws EditError */
export function withListed(text: string, callee: string, list: string, item: string): string {
  const has = keysOf(text, inCall(callee)).includes(list)
  return has ? withItem(text, inCall(callee, list), item) : withItem(text, inCall(callee), `${list}: [${item}]`)
}

/** The names of an object's properties. @throws EditError when `find` does not lead to an object. */
export function keysOf(text: string, find: Find): readonly string[] {
  const object = find(parse(text))
  if (object?.type !== 'ObjectExpression') throw new EditError(`there is no object to read: ${BY_HAND}`)
  return object.properties.flatMap((property) => (property.type === 'Property' ? nameOf(property.key) : []))
}

/** The variables that an array names. @throws EditError when `find` does not lead to an array. */
export function namesIn(text: string, find: Find): readonly string[] {
  const array = find(parse(text))
  if (array?.type !== 'ArrayExpression') throw new EditError(`there is no list to read: ${BY_HAND}`)
  return array.elements.flatMap((element) => (element?.type === 'Identifier' ? element.name : []))
}

/**
 * The text with `name` imported from `module`, in its alphabetical place among imports of the same kind.
 * @param isType a type, or a value of which only the type is used
 * @throws EditError when the name has another meaning there.
 */
export function withImport(text: string, name: string, module: string, isType = false): string {
  const program = parse(text)
  const imports = program.body.filter((node): node is ImportDeclaration => node.type === 'ImportDeclaration')
  const same = imports.filter(({ source, importKind }) => source.value === module && (isType || importKind !== 'type'))
  if (same.some(({ specifiers }) => specifiers.some(({ local }) => local.name === name))) return text
  if (same[0]) {
    const added = isType && same[0].importKind !== 'type' ? `type ${name}` : name
    return insert(text, same[0].specifiers.at(-1)!.end, `, ${added}`)
  }
  if (namesOf(program).includes(name)) throw new EditError(`it has the name "${name}" already: take another one`)
  const line = `import ${isType ? 'type ' : ''}{ ${name} } from '${module}'\n`
  const kind = (path: string): string => path.split('/')[0]!
  const alike = imports.filter(({ source }) => kind(source.value) === kind(module))
  const next = alike.find(({ source }) => source.value > module)
  if (next) return insert(text, next.start, line)
  const before = alike.at(-1) ?? (kind(module).startsWith('.') ? imports.at(-1) : undefined)
  if (before) return insert(text, before.end + 1, line)
  return insert(text, imports[0]?.start ?? 0, line)
}

/** The names that a program imports or declares at its top. */
function namesOf({ body }: Program): readonly string[] {
  return body.flatMap((node) => {
    if (node.type === 'ImportDeclaration') return node.specifiers.map(({ local }) => local.name)
    const declared = node.type === 'ExportNamedDeclaration' ? node.declaration : node
    if (declared?.type === 'VariableDeclaration')
      return declared.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? id.name : []))
    return declared?.type === 'FunctionDeclaration' ? (declared.id?.name ?? []) : []
  })
}

const insert = (text: string, at: number, added: string): string => text.slice(0, at) + added + text.slice(at)

/** In the last argument of the call of `callee`, which is an object: the value at this path of properties. */
export const inCall =
  (callee: string, ...path: readonly string[]): Find =>
  (program) => {
    let found: Node | undefined
    new Visitor({
      CallExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === callee) found ??= node.arguments.at(-1)
      },
    }).visit(program)
    return path.reduce<Node | undefined>(property, found)
  }

/** The initial value of a variable's declaration. */
export const inVariable =
  (name: string): Find =>
  (program) => {
    let found: Node | null = null
    new Visitor({
      VariableDeclarator(node) {
        if (node.id.type === 'Identifier' && node.id.name === name) found ??= node.init
      },
    }).visit(program)
    return found
  }

/** The value that a function returns in its last statement. */
export const inFunction =
  (name: string): Find =>
  (program) => {
    let found: Node | null | undefined
    new Visitor({
      FunctionDeclaration(node) {
        if (node.id?.name !== name) return
        const last = node.body?.body.at(-1)
        if (last?.type === 'ReturnStatement') found = last.argument
      },
    }).visit(program)
    return found
  }

function property(object: Node | undefined, key: string): Node | undefined {
  if (object?.type !== 'ObjectExpression') return undefined
  const found = object.properties.find((one) => one.type === 'Property' && nameOf(one.key) === key)
  return found?.type === 'Property' ? found.value : undefined
}

function nameOf(key: Node): string {
  if (key.type === 'Identifier') return key.name
  return key.type === 'Literal' ? String(key.value) : ''
}

const isLiteral = (node: Node | null | undefined): node is Literal =>
  node?.type === 'ObjectExpression' || node?.type === 'ArrayExpression'
