/** Finds the process that listens on a port, for the error of a failed start. */

import { basename } from 'node:path'
import { readdir, readFile, readlink } from 'node:fs/promises'

/** `node (process 4711)`; undefined where the system does not tell (other than Linux, or another user's process). */
export async function processOnPort(port: number): Promise<string | undefined> {
  try {
    const inode = await listeningInode(port)
    if (!inode) return undefined
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      if (await holds(pid, inode)) return `${await commandOf(pid)} (process ${pid})`
    }
  } catch {
    // Not Linux.
  }
  return undefined
}

/** Program and first argument: "node server.mjs" says more than the name of its main thread. */
async function commandOf(pid: string): Promise<string> {
  const [program = '', argument = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  return `${basename(program)} ${basename(argument)}`.trim()
}

async function listeningInode(port: number): Promise<string | undefined> {
  const LISTEN = '0A'
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const rows = (await readFile(file, 'utf8').catch(() => '')).split('\n').map((row) => row.trim().split(/\s+/))
    const row = rows.find((columns) => columns[1]?.endsWith(wanted) && columns[3] === LISTEN)
    if (row) return row[9]
  }
  return undefined
}

async function holds(pid: string, inode: string): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
  for (const descriptor of descriptors) {
    if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')) === `socket:[${inode}]`) return true
  }
  return false
}
