/** Variables of Node for programs in the folder of the image. */
export const imageEnvironment = {
  // Without it, compiling packages takes half the processor time of a start.
  NODE_COMPILE_CACHE: 'node_modules/.cache/node',
  // Of links to sources, the packages are those beside the link.
  NODE_PRESERVE_SYMLINKS: '1',
  NODE_PRESERVE_SYMLINKS_MAIN: '1',
}
