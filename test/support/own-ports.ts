/** A range of ports for each worker of the test runner: between one's choice of a free port and its use, another could take it. */

const FIRST = 20_000
const EACH = 1_000
const RANGES = 12

const range = FIRST + EACH * (Number(process.env['VITEST_POOL_ID']) % RANGES)
process.env['LOCAL_CLOUD_PORTS'] = `${range}-${range + EACH - 1}`
