/**
 * The remote procedures of a service as they are recorded in its `rpc.json`: methods, messages, and the number of each field,
 * which is never given to another one. Descriptors and `.proto` files are made from it.
 */

export const scalarTypes = ['string', 'bool', 'int64', 'double'] as const
export type ScalarType = (typeof scalarTypes)[number]

export interface FieldRecord {
  readonly number: number
  /** A scalar type, or the name of a message of the same package: `PlaceRequest.Line`. */
  readonly type: string
  readonly repeated?: true
}

/** By the name that the field has in JSON. */
export type MessageRecord = Readonly<Record<string, FieldRecord>>

export interface PackageRecord {
  /** Method → the operation that it is, and whether it only reads. */
  readonly methods: Readonly<Record<string, { readonly operation: string; readonly reads?: true }>>
  /** By the name inside of the package; a nested message follows the message around it. */
  readonly messages: Readonly<Record<string, MessageRecord>>
}

/** By the name of the package: `millrace.kitchen.v1`. */
export type RpcRecord = Readonly<Record<string, PackageRecord>>

export const isScalar = (type: string): type is ScalarType => scalarTypes.some((one) => one === type)

/** `unitMinor` → `unit_minor`. */
export const fieldNameOf = (jsonName: string): string => jsonName.replaceAll(/[A-Z]/g, (one) => `_${one.toLowerCase()}`)

export const requestOf = (method: string): string => `${method}Request`
export const responseOf = (method: string): string => `${method}Response`
