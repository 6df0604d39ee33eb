/** For a process whose environment is its own: without it, to compile packages takes half of a program's start. */

import { join } from 'node:path'
import { root } from './root.ts'

export const compileCache = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node') }
