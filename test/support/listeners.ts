/** The TCP listeners of a process by Linux's /proc. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Listener {
  /** The address in the kernel's hexadecimal form: `0100007F` is 127.0.0.1. */
  readonly address: string
  readonly port: number
}

export const LOOPBACK = '0100007F'
const LISTEN = '0A'

export function listenersOf(pid: number): Listener[] {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((descriptor) => linkOf(`/proc/${pid}/fd/${descriptor}`)))
  return ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/net/${family}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/))
      .filter((columns) => columns[3] === LISTEN && own.has(`socket:[${columns[9]}]`))
      .map((columns) => {
        const [address, port] = columns[1]!.split(':') as [string, string]
        return { address, port: Number.parseInt(port, 16) }
      }),
  )
}

/** The link of a descriptor, which may be closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
