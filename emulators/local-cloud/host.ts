/** For programs that run a local cloud or run beside it: its journal, clock, ports, state files and secret. */

export { type Clock, systemClock, virtualClock } from './core/clock.ts'
export { closeAfter, closeAll } from './core/close-all.ts'
export { freeBlock, freePort, freePorts } from './core/free-ports.ts'
export { openHttp } from './core/http-server.ts'
export { type Journal, openJournal, type Table } from './core/journal.ts'
export { parseJson } from './core/json.ts'
export { type Random, seededRandom } from './core/random.ts'
export { readLines } from './core/read-lines.ts'
export { restOf } from './core/api/rest.ts'
export { carriesSecret, makeSecret, requireSecret, SECRET_HEADER } from './core/run-secret.ts'
export { closeState, damaged, STATE_FILE_MODE, STATE_UMASK, writeState } from './core/state-files.ts'
export { processOnPort } from './core/port-owner.ts'
