/** All that is used of CDKTF. It is archived: with `google.ts` this is the whole way out. */

export { App, GcsBackend, LocalBackend, TerraformStack, TerraformVariable } from 'cdktf'
