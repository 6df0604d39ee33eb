/** A statement of GoogleSQL as a tree: each node has the tokens by which a refusal names its place. */

import type { Token } from '../../tokens/tokens.ts'

export type Expression =
  | { readonly kind: 'literal' | 'parameter'; readonly at: Token }
  /** `a`, `t.a`, `t.a.b`: which of its names is a table is known when the scope is. */
  | { readonly kind: 'path'; readonly at: Token; readonly names: readonly Token[] }
  /** A field of an expression that is no path. */
  | { readonly kind: 'field'; readonly at: Token; readonly of: Expression; readonly name: Token }
  | { readonly kind: 'element'; readonly at: Token; readonly of: Expression; readonly index: Expression }
  /** Operators, CASE, CAST, arrays, lists in parentheses: what all of them have are operands. */
  | {
      readonly kind: 'operation'
      readonly at: Token
      readonly operator: string
      readonly operands: readonly Expression[]
    }
  | { readonly kind: 'struct'; readonly at: Token; readonly fields: readonly Item[] }
  | { readonly kind: 'call'; readonly at: Token; readonly name: string; readonly call: Call }
  | { readonly kind: 'subquery'; readonly at: Token; readonly query: Query; readonly operands: readonly Expression[] }

export interface Call {
  readonly args: readonly Expression[]
  readonly isDistinct: boolean
  /** The clauses within its parentheses, by their first word. */
  readonly modifiers: ReadonlyMap<Modifier, Token>
  readonly order: readonly Ordered[]
  readonly over: Over | undefined
}

export type Modifier = 'DISTINCT' | 'NULLS' | 'ORDER' | 'LIMIT'

export interface Ordered {
  readonly value: Expression
}

export interface Over {
  readonly at: Token
  /** Of a window of the WINDOW clause. */
  readonly name: Token | undefined
  readonly partition: readonly Expression[]
  readonly order: readonly Ordered[]
  readonly frame: Token | undefined
}

/** An expression with its name, of a list or a STRUCT. */
export interface Item {
  readonly value: Expression
  readonly alias: Token | undefined
}

export type Column =
  | ({ readonly kind: 'value' } & Item)
  | {
      readonly kind: 'star'
      readonly at: Token
      /** Undefined for `*` alone. */
      readonly of: Expression | undefined
      readonly excepted: readonly Token[]
      readonly replaced: readonly Item[]
    }

export interface Query {
  readonly at: Token
  readonly isRecursive: boolean
  readonly subqueries: readonly { readonly name: Token; readonly query: Query }[]
  readonly body: Body
  readonly order: readonly Ordered[]
  /** The word that begins the clause. */
  readonly orderAt: Token | undefined
}

export type Body =
  | { readonly kind: 'select'; readonly select: Select }
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'set'; readonly parts: readonly Body[] }

export interface Select {
  readonly at: Token
  readonly isDistinct: boolean
  readonly columns: readonly Column[]
  readonly from: readonly Source[]
  readonly where: Expression | undefined
  readonly groups: readonly Expression[]
  readonly having: Expression | undefined
  readonly qualify: Expression | undefined
  readonly windows: readonly { readonly name: Token; readonly over: Over }[]
  /** The words that begin its clauses. */
  readonly clauses: ReadonlyMap<Clause, Token>
}

export type Clause = 'FROM' | 'WHERE' | 'GROUP' | 'HAVING' | 'QUALIFY' | 'WINDOW'

/** An item of FROM with the condition under which it is joined to those before it. */
export interface Source {
  readonly at: Token
  readonly item:
    | { readonly kind: 'table'; readonly path: readonly Token[] }
    | { readonly kind: 'array'; readonly array: Expression }
    | { readonly kind: 'query'; readonly query: Query }
  readonly alias: Token | undefined
  readonly offset: Token | undefined
  readonly on: Expression | undefined
  readonly using: readonly Token[]
}

export type Statement =
  | { readonly kind: 'query'; readonly query: Query }
  | {
      readonly kind: 'insert'
      readonly query: Query | undefined
      readonly rows: readonly (readonly Expression[])[]
    }
  | {
      readonly kind: 'change'
      readonly target: Source
      readonly from: readonly Source[]
      readonly expressions: readonly Expression[]
    }
  | { readonly kind: 'truncate' }
