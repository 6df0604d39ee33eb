/** Waits for Google after the creation of a resource, where its answer comes before its effect. */

import type { LocalExecProvisioner } from './cdktf.ts'

/**
 * A provisioner, which runs once, when the resource is created. Not the provider hashicorp/time: a resource for each wait in
 * the state, and one more provider to pin. Node, because `sleep` does not exist on every machine.
 */
export const waitAfterCreation = (seconds: number): LocalExecProvisioner => ({
  type: 'local-exec',
  interpreter: ['node', '-e'],
  command: `setTimeout(() => {}, ${seconds}_000)`,
})
