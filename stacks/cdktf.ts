/** All that is used of CDKTF. It is archived: with `google.ts` this is the whole way out. */

export { App, dependable, GcsBackend, LocalBackend, TerraformResource, TerraformStack, TerraformVariable } from 'cdktf'
export type { LocalExecProvisioner } from 'cdktf'
