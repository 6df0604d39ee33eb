/**
 * Preloaded into each instance, in place of Cloud Run's sandbox: every TCP listener of the process is bound to loopback, and
 * the one on PORT takes connections of the ingress alone. Each of those begins with the instance's secret, which the
 * process reads from its standard input: neither arguments nor environment show it. An instance without requests gives memory
 * back: on Cloud Run others would not feel it, on a laptop they do.
 */

import { timingSafeEqual } from 'node:crypto'
import { readSync } from 'node:fs'
import { Server, type Socket } from 'node:net'
import { giveBackIdleMemory } from '../../core/idle-memory.ts'
import { SECRET_BYTES } from './ingress-secret.ts'

const LOOPBACK = '127.0.0.1'
const SECRET_TIMEOUT_MS = 10_000

type Arguments = readonly unknown[]
interface ListenOptions {
  readonly port?: unknown
}

const secret = fromStandardInput(SECRET_BYTES)
const port = Number(process.env['PORT'])
giveBackIdleMemory()

// eslint-disable-next-line typescript/unbound-method -- it is called with the server that it was taken from.
const listen = Server.prototype.listen as (this: Server, ...args: Arguments) => Server
Server.prototype.listen = function (this: Server, ...args: Arguments) {
  const bound = onLoopback(args)
  if (Number((bound[0] as ListenOptions | undefined)?.port) === port) admitIngressOnly(this)
  return listen.apply(this, [...bound])
} as typeof Server.prototype.listen

/** The arguments of `listen` with the host replaced; sockets with a path, and handles, stay as they are. */
function onLoopback(args: Arguments): Arguments {
  const [first, ...others] = args
  const callbacks = args.filter((one) => typeof one === 'function')
  if (typeof first === 'object' && first !== null) {
    // A port that is there and undefined is any free one.
    return 'port' in first ? [{ ...first, host: LOOPBACK }, ...callbacks] : args
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return args
  const backlog = others.find((one) => typeof one === 'number')
  const given = typeof first === 'number' || typeof first === 'string' ? Number(first) : 0
  return [{ port: given, host: LOOPBACK, ...(backlog === undefined ? {} : { backlog }) }, ...callbacks]
}

function admitIngressOnly(server: Server): void {
  const emit = server.emit.bind(server)
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'connection') return emit(event, ...args)
    afterSecret(args[0] as Socket, () => emit(event, ...args))
    return true
  }
}

function afterSecret(socket: Socket, admit: () => void): void {
  // Without a secret this process was not started by the ingress: a child of an instance, say.
  if (secret.length < SECRET_BYTES) return void socket.destroy()
  const timeout = setTimeout(() => socket.destroy(), SECRET_TIMEOUT_MS).unref()
  const end = (): void => void socket.destroy()
  const read = (): void => {
    const begins = socket.read(SECRET_BYTES) as Buffer | null
    if (begins === null) return
    clearTimeout(timeout)
    socket.off('readable', read)
    if (begins.length !== secret.length || !timingSafeEqual(begins, secret)) return end()
    socket.off('error', end)
    admit()
  }
  socket.on('error', end)
  socket.on('readable', read)
  socket.once('close', () => clearTimeout(timeout))
}

/** Fewer where it ends before. */
function fromStandardInput(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  let filled = 0
  while (filled < count) {
    const read = readSync(0, bytes, filled, count - filled, null)
    if (read === 0) break
    filled += read
  }
  return bytes.subarray(0, filled)
}
