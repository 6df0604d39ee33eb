/** Variables of Node for programs in the folder of the image. */
export const imageEnvironment = {
  // Without it, compiling packages takes half the processor time of a start.
  NODE_COMPILE_CACHE: 'node_modules/.cache/node',
  // Node then looks for packages beside the links to the sources, and not in the working copy.
  NODE_PRESERVE_SYMLINKS: '1',
  NODE_PRESERVE_SYMLINKS_MAIN: '1',
}
