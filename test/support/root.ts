/** The working copy's path, in a file of its own: most tests that read files need no platform. */

import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')
