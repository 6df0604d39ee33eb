/** The settings that a program reads, read from its syntax tree. */

import { type Program, Visitor } from 'oxc-parser'

export interface ReadSetting {
  /** The name under which its module exports it. */
  readonly name: string
  /** As the import names it. */
  readonly module: string
}

/** The settings in calls of `setting(imported)`, of the platform or bound to it. */
export function settingsIn(program: Program): ReadSetting[] {
  const imported = new Map<string, ReadSetting>()
  const read: string[] = []
  new Visitor({
    ImportDeclaration({ specifiers, source }) {
      for (const one of specifiers)
        if (one.type === 'ImportSpecifier' && one.imported.type === 'Identifier')
          imported.set(one.local.name, { name: one.imported.name, module: source.value })
    },
    CallExpression({ callee, arguments: [first] }) {
      const called = callee.type === 'MemberExpression' ? callee.property : callee
      if (!('name' in called) || called.name !== 'setting') return
      if (first?.type === 'Identifier') read.push(first.name)
    },
  }).visit(program)
  return read.flatMap((local) => imported.get(local) ?? [])
}
