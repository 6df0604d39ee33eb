/** All imports of CDKTF, which is archived: to replace it, change this file and `google.ts`. */

export {
  App,
  dependable,
  GcsBackend,
  LocalBackend,
  TerraformElement,
  TerraformResource,
  TerraformStack,
  TerraformVariable,
} from 'cdktf'
export type { LocalExecProvisioner } from 'cdktf'
