/** Reads the attributes of a Terraform resource one by one, so that one nobody read can be refused by name. */

export type Attributes = Readonly<Record<string, unknown>>

export class Blocks {
  readonly #address: string
  readonly #attributes: Attributes
  readonly #read = new Set<string>()

  constructor(address: string, attributes: Attributes) {
    this.#address = address
    this.#attributes = attributes
  }

  value(name: string): unknown {
    this.#read.add(name)
    return this.#attributes[name] ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, value, 'a string')
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

  /** A nested block: an object, or an array of at most one. */
  block(name: string): Blocks | undefined {
    const value = this.value(name)
    const one: unknown = Array.isArray(value) ? value[0] : value
    if (Array.isArray(value) && value.length > 1) throw this.#wrong(name, value, 'at most one block')
    if (one === undefined || one === null) return undefined
    if (typeof one !== 'object') throw this.#wrong(name, value, 'a block')
    return new Blocks(`${this.#address} ${name}`, one as Attributes)
  }

  refuseUnread(): void {
    const unknown = Object.entries(this.#attributes).find(([name, value]) => !this.#read.has(name) && isSet(value))
    if (!unknown) return
    throw new Error(
      `${this.#address} has the attribute "${unknown[0]}", which the local Pub/Sub does not know. Take it out, or teach emulators/local-cloud/pubsub/terraform.ts.`,
    )
  }

  #wrong(name: string, value: unknown, wanted: string): Error {
    return new Error(`${this.#address}: "${name}" is ${JSON.stringify(value)}, but must be ${wanted}.`)
  }
}

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)
