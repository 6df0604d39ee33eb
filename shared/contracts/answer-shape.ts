/** The shape of an answer: its fields and their types, without the bounds that held when its data entered. */

import { z } from 'zod'
import { listOf } from '../base/issues.ts'

/**
 * The schema without its bounds: a text takes any text, a number any of its kind, an array any number of elements, and an
 * object leaves out fields that it does not name. Values of an enum stay: code decides by them.
 * @throws Error for a type that no answer has yet.
 */
export function shapeOf<S extends z.ZodType>(schema: S): S {
  return unbounded(schema) as S
}

/** The body as its shape has it: fields that the shape does not name are left out. @throws Error for a body that breaks the shape. */
export function fitted(shape: z.ZodType, body: unknown, about: string): unknown {
  const parsed = shape.safeParse(body)
  if (!parsed.success) throw new Error(`${about} breaks its contract: ${listOf(parsed.error, 'answer')}.`)
  return parsed.data
}

/** Many answers share schemas, such as those of money: the shape of each is derived once. */
const shapes = new WeakMap<z.core.$ZodType, z.ZodType>()

function unbounded(schema: z.core.$ZodType): z.ZodType {
  const known = shapes.get(schema)
  if (known) return known
  const shape = withoutBounds(schema)
  shapes.set(schema, shape)
  return shape
}

function withoutBounds(schema: z.core.$ZodType): z.ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- answers are of these types; any other throws
  switch (def.type) {
    case 'string':
      return textLike(schema)
    case 'number':
      return isFractional(def) ? z.number() : z.int()
    case 'object':
      return objectLike(def)
    case 'array':
      return z.array(unbounded(def.element))
    case 'record':
      return z.record(z.string(), unbounded(def.valueType))
    case 'optional':
      return unbounded(def.innerType).optional()
    case 'nullable':
      return unbounded(def.innerType).nullable()
    case 'union':
      return unionLike(def)
    case 'boolean':
    case 'enum':
    case 'literal':
    case 'unknown':
      return schema as z.ZodType
    default:
      throw new Error(`An answer can not be of the type ${def.type}: add it to shared/contracts/answer-shape.ts.`)
  }
}

/** `z.number()` has no format; of those with one, `float32` and `float64` are not integers. */
const isFractional = (def: object): boolean => !('format' in def) || String(def.format).startsWith('float')

/** Fields that the schema does not name stay if it accepts them: those of `z.looseObject` and of `catchall`. */
function objectLike({ shape, catchall }: z.core.$ZodObjectDef): z.ZodType {
  const named = z.object(mapValues(shape, unbounded))
  return catchall === undefined || catchall._zod.def.type === 'never' ? named : named.catchall(unbounded(catchall))
}

/** @throws Error for objects without a discriminator: the shape of one may accept another, and drop its fields. */
function unionLike(def: z.core.$ZodUnionDef): z.ZodType {
  const options = def.options.map(unbounded)
  if ('discriminator' in def) return z.discriminatedUnion(String(def.discriminator), options as never)
  if (def.options.filter(({ _zod }) => _zod.def.type === 'object').length > 1)
    throw new Error(
      'An answer has a union of objects: declare it with z.discriminatedUnion, so that a field tells which one it is.',
    )
  return z.union(options)
}

/** The format is said to readers of the API's document, and not checked. */
function textLike(schema: z.core.$ZodType): z.ZodType {
  const { format } = z.toJSONSchema(schema)
  return format === undefined ? z.string() : z.string().meta({ format })
}

const mapValues = <V, W>(values: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
