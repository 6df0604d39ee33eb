/** Options of Cloud Run in the local cloud. */

export interface CloudRunOptions {
  /** Where a service answers; in the cloud Google chooses, here the environment's file. */
  addressOf(service: string): { readonly port: number } | undefined
  /** The variables by which clients find the local cloud as that account. */
  environmentOf(email: string): Readonly<Record<string, string>>
  /** The working copy: locally a container's command runs there, not in an image. */
  readonly workingDirectory: string
  /** The folder for the services' logs. Absent: logs are not written. */
  readonly logDirectory?: string
  /** The program for `node` in a container's command (default: the Node that runs this). */
  readonly nodePath?: string
  /** Options of Node for a service, such as `--inspect`. */
  nodeOptions?(service: string): readonly string[]
  /** The time without need of it after which an instance stops (default 15 minutes). */
  readonly idleMs?: number
  /** At most so many instances of a service, unless its minimum is above it (default: the number of cores). */
  readonly maxInstances?: number
  /** True: an instance has CPU during requests only, as on Cloud Run, unless `cpuIdle` of a container is false (default: always). */
  readonly withdrawsCpu?: boolean
  onLog?(service: string, line: string): void
}
