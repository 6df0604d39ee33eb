/** The shape of an answer: its fields and their types, without the bounds that held when its data entered. */

import { z } from 'zod'

/**
 * The schema without its bounds: a text takes any text, a number any of its kind, an array any number of elements, and an
 * object leaves out fields that it does not name. Values of an enum stay: code decides by them.
 * @throws Error for a type that no answer has yet.
 */
export function shapeOf<S extends z.ZodType>(schema: S): S {
  return unbounded(schema) as S
}

function unbounded(schema: z.core.$ZodType): z.ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- answers are of these types; any other throws
  switch (def.type) {
    case 'string':
      return textLike(schema)
    case 'number':
      return 'format' in def ? z.int() : z.number()
    case 'object':
      return z.object(mapValues(def.shape, unbounded))
    case 'array':
      return z.array(unbounded(def.element))
    case 'record':
      return z.record(z.string(), unbounded(def.valueType))
    case 'optional':
      return unbounded(def.innerType).optional()
    case 'nullable':
      return unbounded(def.innerType).nullable()
    case 'union':
      return z.union(def.options.map(unbounded))
    case 'boolean':
    case 'enum':
    case 'literal':
    case 'unknown':
      return schema as z.ZodType
    default:
      throw new Error(`An answer can not be of the type ${def.type}: add it to shared/contracts/answer-shape.ts.`)
  }
}

/** The format is said to readers of the API's document, and not checked. */
function textLike(schema: z.core.$ZodType): z.ZodType {
  const { format } = z.toJSONSchema(schema)
  return format === undefined ? z.string() : z.string().meta({ format })
}

const mapValues = <V, W>(values: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
