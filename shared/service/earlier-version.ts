/** The parts of a former version of a public operation: what differs from the newest, and the way from and to it. */

import type { z } from 'zod'
import type { Deprecation } from './operation.ts'

/** An answer of another shape than the one that it is made of. `from` is pure. */
export interface Shaped<From = never, Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly from: (answer: From) => z.input<Schema>
}
export const shaped = <From, Schema extends z.ZodType>(
  schema: Schema,
  from: (answer: From) => z.input<Schema>,
): Shaped<From, Schema> => ({ schema, from })

/** A body that clients of a former version send. `upcast` is pure: the same body has the same result, as its key demands. */
export interface UpcastBody<To = unknown, Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly upcast: (body: never) => To
}
export const upcastBody = <To, Schema extends z.ZodType>(
  schema: Schema,
  upcast: (body: z.output<Schema>) => To,
): UpcastBody<To, Schema> => ({ schema, upcast })

/** A former version, which is served beside the newest. Method, parameters, access and key are those of the newest. */
export interface EarlierVersion<Body = unknown, Answers = Readonly<Record<number, never>>> {
  /** `/v1/…` of an operation at `/v2/…`. */
  readonly path: `/v${number}/${string}`
  /** Absent: both are recommended. */
  readonly deprecated?: Deprecation
  /** Absent: the body of the newest. */
  readonly body?: UpcastBody<Body>
  /** By status, from the newest answer; absent: the answer of the newest. */
  readonly answers?: { readonly [Status in keyof Answers]?: Shaped<Answers[Status]> }
}
