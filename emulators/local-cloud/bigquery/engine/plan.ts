/** The parts of a plan as DuckDB writes it in JSON: those that the checks read. */

export interface Type {
  readonly id: string
  readonly type_info?: {
    readonly alias?: string
    readonly child_types?: readonly { readonly first: string; readonly second: Type }[]
    readonly child_type?: Type
  } | null
}

/** A part of a plan. An expression's type is here, a constant's in its value. */
export interface Part {
  readonly expression_class?: string
  readonly type?: string
  readonly name?: string
  readonly alias?: string
  readonly return_type?: Type
  readonly value?: { readonly type?: Type; readonly is_null?: boolean; readonly value?: unknown }
  /** In bytes from the beginning of the text in which the part is written: the query's, a macro's or a view's. */
  readonly query_location?: number
  readonly child?: Part
  readonly try_cast?: boolean
  readonly left?: Part
  readonly right?: Part
  readonly comparison?: string
  /** Of BETWEEN. */
  readonly input?: Part
  readonly lower?: Part
  readonly upper?: Part
  readonly children?: readonly Part[]
  readonly expressions?: readonly Part[]
  readonly case_checks?: readonly { readonly when_expr: Part; readonly then_expr: Part }[]
  readonly else_expr?: Part
  /** Of a window, and of an operator that sorts. */
  readonly partitions?: readonly Part[]
  readonly orders?: readonly { readonly expression: Part }[]
  /** The bounds of a window's frame, such as `EXPR_PRECEDING_RANGE`. */
  readonly start?: string
  readonly end?: string
  /** Of an operator that groups, and of one that leaves out repeated rows. */
  readonly groups?: readonly Part[]
  readonly distinct_targets?: readonly Part[]
  readonly aggregate_type?: string
}

/** Their type is not in the plan. */
const conditions = new Set(['BOUND_COMPARISON', 'BOUND_CONJUNCTION', 'BOUND_BETWEEN'])

export const typeOf = (part: Part | undefined): Type | undefined =>
  conditions.has(part?.expression_class ?? '') ? { id: 'BOOLEAN' } : (part?.return_type ?? part?.value?.type)

/** A part without a place has the greatest number. */
export const isQueryPlace = (at: number | undefined): at is number => at !== undefined && at < 2 ** 53
