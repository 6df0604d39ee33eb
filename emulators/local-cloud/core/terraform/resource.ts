/** One resource of a synthesized stack, its `${…}` references resolved. */
export interface TerraformResource {
  readonly type: string
  /** `google_pubsub_topic.room-booked_4F2A`, unique within its stack. */
  readonly address: string
  /** From which it was moved. */
  readonly formerAddresses?: readonly string[]
  readonly stack: string
  // Terraform JSON is open by nature; each provisioner reads the attributes of its own type.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly attributes: Readonly<Record<string, any>>
}
