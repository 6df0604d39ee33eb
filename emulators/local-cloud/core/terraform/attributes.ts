/** Reads the attributes of a Terraform resource one by one, so that an attribute which nothing reads is refused by name. */

import type { TerraformResource } from './resource.ts'

/** Nested blocks and resources become plain messages of the API; a field that is undefined is left out. */
export type Message = Record<string, unknown>

/** Terraform's own: no API knows them. */
const terraformOnly = ['id', 'timeouts']

/**
 * The result of `read` for the attributes.
 * @throws Error that names the resource and the first attribute that `read` did not read.
 */
export function readAttributes<Result>(resource: TerraformResource, read: (attributes: Attributes) => Result): Result {
  const attributes = new Attributes(resource.address, resource.attributes)
  attributes.ignore(...terraformOnly)
  const result = read(attributes)
  attributes.refuseUnread()
  return result
}

/** The attributes for reading some of them only, e.g. those that make up a resource's name. */
export const attributesOf = ({ address, attributes }: TerraformResource): Attributes =>
  new Attributes(address, attributes)

/** The message without its undefined fields, which a mask or a comparison would count. */
export const defined = (message: Message): Message =>
  Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined))

const camelCase = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

export class Attributes {
  /** Of the resource, and of the block within it. */
  readonly address: string
  readonly #values: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()

  constructor(address: string, values: Readonly<Record<string, unknown>>) {
    this.address = address
    this.#values = values
  }

  /** Terraform's null is an attribute that is not set. */
  value(name: string): unknown {
    this.#read.add(name)
    return this.#values[name] ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, value, 'a string')
  }

  /** A text that must be there. */
  required(name: string): string {
    const value = this.text(name)
    if (value) return value
    throw new Error(`${this.address} has no ${name}. Set its attribute "${name}".`)
  }

  /** The resource's own project, or the provider's: see `readResources`. */
  project(): string {
    const project = this.text('project')
    if (project) return project
    throw new Error(`${this.address} has no project. Set it on the resource or on the provider.`)
  }

  /** The last segment: Google's provider takes a short name or a full one. */
  shortName(name: string): string {
    return this.required(name).split('/').at(-1)!
  }

  /** Terraform converts freely between numbers, booleans and their texts. */
  number(name: string): number | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    const number = Number(value)
    if (Number.isFinite(number)) return number
    throw this.#wrong(name, value, 'a number')
  }

  flag(name: string): boolean | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw this.#wrong(name, value, 'true or false')
  }

  /** Attributes that the API names alike, in camel case: `{ text: ['time_zone'] }` gives `timeZone`. Those that are not set are left out. */
  alike(names: { readonly [Kind in 'text' | 'number' | 'flag' | 'value']?: readonly string[] }): Message {
    const kinds = Object.keys(names) as (keyof typeof names)[]
    const fields = kinds.flatMap((kind) => names[kind]!.map((name) => [camelCase(name), this[kind](name)] as const))
    return defined(Object.fromEntries(fields))
  }

  /** A nested block, of which Terraform's JSON may write a list of one. */
  block(name: string, read: (block: Attributes) => Message): Message | undefined {
    const blocks = this.blocks(name, read)
    if (blocks && blocks.length > 1) throw this.#wrong(name, this.value(name), 'at most one block')
    return blocks?.[0]
  }

  /** Nested blocks, of which Terraform's JSON may write one without its list. */
  blocks(name: string, read: (block: Attributes) => Message): Message[] | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    return [value].flat().map((one: unknown) => {
      if (typeof one !== 'object' || one === null) throw this.#wrong(name, value, 'a block')
      const block = new Attributes(`${this.address} ${name}`, one as Readonly<Record<string, unknown>>)
      const message = defined(read(block))
      block.refuseUnread()
      return message
    })
  }

  /** Marks attributes as known that have no meaning for the local cloud. */
  ignore(...names: string[]): void {
    for (const name of names) this.#read.add(name)
  }

  refuseUnread(): void {
    const unread = Object.entries(this.#values).find(([name, value]) => !this.#read.has(name) && isSet(value))
    if (!unread) return
    throw new Error(
      `${this.address} has the attribute "${unread[0]}", which the local cloud does not know. Take it out, or teach it to the emulator that provisions the type.`,
    )
  }

  #wrong(name: string, value: unknown, wanted: string): Error {
    return new Error(`${this.address}: "${name}" is ${JSON.stringify(value)}, but must be ${wanted}.`)
  }
}

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)
