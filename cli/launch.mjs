/**
 * Runs one of the project's programs on Node 24. It first installs missing packages, so that any command works in a fresh
 * clone. Plain JavaScript: the Node that starts it may be an old one.
 *
 *   node cli/launch.mjs FILE [ARGUMENTS]
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const OLDEST_STARTER = 20
const RUNTIME = 24
/** The code of a program fills the usual young generation of 1 MB many times: its collections would be a sixth of a start. */
const YOUNG_GENERATION = '--min-semi-space-size=16'

const [file, ...args] = process.argv.slice(2)
const major = Number(process.versions.node.split('.')[0])
if (major < OLDEST_STARTER) {
  fail(
    `Node ${process.versions.node} is too old: install Node ${OLDEST_STARTER} or newer (https://nodejs.org), then run this again.`,
  )
}
if (!file) fail('usage: node cli/launch.mjs FILE [ARGUMENTS]')

process.chdir(root)
requireIntegrity()
if (differing().length > 0) await install()
process.exitCode = await run(runtime(), [join(root, file), ...args])

/**
 * The packages whose version or integrity in node_modules differs from package-lock.json. It compares npm's own lockfile
 * in node_modules, not the files. A package that package-lock.json does not list counts too, because Node would find a
 * nested one first.
 */
function differing() {
  const wanted = readJson('package-lock.json')
  const present = readJson('node_modules/.package-lock.json')
  if (!wanted || !present) return ['node_modules']
  const additional = Object.keys(present.packages).filter((name) => !(name in wanted.packages))
  const others = Object.entries(wanted.packages)
    .filter(([name, entry]) => name !== '' && !isSame(entry, present.packages[name]))
    .map(([name]) => name)
  return [...additional, ...others]
}

function isSame(wanted, present) {
  if (!present) return isElsewhere(wanted)
  // npm fetches a package without integrity if the lockfile marks it as bundled although it is not.
  const isBundled = (entry) => entry.inBundle === true
  // The local cloud is a folder of the project, which npm links.
  if (wanted.link) return present.link === true && present.resolved === wanted.resolved
  return (
    present.version === wanted.version &&
    present.integrity === wanted.integrity &&
    isBundled(present) === isBundled(wanted)
  )
}

/** npm omits optional packages of other platforms. */
function isElsewhere(entry) {
  return Boolean(entry.optional || entry.devOptional) || entry.peer === true
}

/** Without an integrity in the lockfile npm accepts any bytes, and with a weak hash it can accept forged ones. */
function requireIntegrity() {
  const packages = Object.entries(readJson('package-lock.json')?.packages ?? {})
  const unchecked = packages.filter(
    ([name, entry]) => isFetched(name, entry) && !entry.inBundle && !(entry.integrity ?? '').startsWith('sha512-'),
  )
  if (unchecked.length === 0) return
  const names = unchecked.slice(0, 8).map(([name]) => name)
  fail(`package-lock.json gives no SHA-512 for ${names.join(', ')}: restore it from git, then run this again.`)
}

/** The project itself and its workspaces are not fetched. */
function isFetched(name, entry) {
  return name.includes('node_modules/') && !entry.link
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'))
  } catch {
    return undefined
  }
}

/** Installs exactly the packages of package-lock.json, verifies their integrity, and runs no install script. */
async function install() {
  const started = Date.now()
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`
  say('Installing packages (about 250 MB, once) …')
  let fetched = 0
  let last = Date.now()
  const problems = []
  const beat = setInterval(() => {
    if (Date.now() - last < 3_000) return
    last = Date.now()
    say(`  ${fetched} packages fetched, unpacking … ${seconds()}`)
  }, 1_000)
  const code = await new Promise((resolve) => {
    // With NODE_ENV=production npm would omit dev packages, so they are included explicitly.
    const npmArgs = [
      'ci',
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--loglevel=http',
      '--no-fund',
      '--no-audit',
    ]
    const npm = process.env.npm_execpath
      ? spawn(process.execPath, [process.env.npm_execpath, ...npmArgs], { cwd: root })
      : spawn('npm', npmArgs, { cwd: root, shell: process.platform === 'win32' })
    const read = (chunk) => {
      for (const line of String(chunk).split('\n')) {
        if (line.includes('http fetch')) fetched += 1
        else if (/npm (error|ERR!) +\S/.test(line)) problems.push(line)
        if (line.includes('http fetch') && Date.now() - last > 2_000) {
          last = Date.now()
          say(`  ${fetched} packages fetched … ${seconds()}`)
        }
      }
    }
    npm.stdout.on('data', read)
    npm.stderr.on('data', read)
    npm.on('error', (error) => {
      problems.push(String(error))
      resolve(1)
    })
    npm.on('close', resolve)
  })
  clearInterval(beat)
  if (code !== 0)
    fail(
      `Packages could not be installed (npm ended with ${code}):\n${problems.slice(0, 8).join('\n')}\nRun "npm ci" to see all of it.`,
    )
  const wrong = differing()
  if (wrong.length > 0)
    fail(
      `npm installed other packages than package-lock.json names, so none of them is run: ${wrong.slice(0, 8).join(', ')}. Restore package-lock.json from git, then run this again.`,
    )
  say(`Installed in ${seconds()}.`)
}

/** The Node that runs the project: the one that npm installed, else the system's if it is new enough. */
function runtime() {
  const exe = process.platform === 'win32' ? 'node.exe' : 'bin/node'
  const brought = join(
    root,
    'node_modules',
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    exe,
  )
  if (existsSync(brought)) return brought
  if (major >= RUNTIME) return process.execPath
  return fail(
    `Millrace runs on Node ${RUNTIME}; npm has none for ${process.platform}-${process.arch} and this one is ${process.versions.node}: install Node ${RUNTIME} (https://nodejs.org), then run this again.`,
  )
}

/** Forwards signals, and ends the program when its parent process has ended, because npm does not forward SIGTERM. */
function run(node, nodeArgs) {
  const child = spawn(node, [YOUNG_GENERATION, ...nodeArgs], {
    stdio: 'inherit',
    cwd: root,
    // Caches compiled code, which takes most of a command's start.
    env: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'), ...process.env },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const starters = ancestors()
  const watch = setInterval(() => {
    if (process.ppid !== starters[0] || !starters.every(isAlive)) {
      clearInterval(watch)
      child.kill('SIGTERM')
    }
  }, 250)
  return new Promise((resolve) => {
    child.on('error', (error) => fail(`${node} could not be started: ${error.message}`))
    child.on('close', (code, signal) => {
      clearInterval(watch)
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143))
    })
  })
}

/** The parent and, if that is npm's shell, npm itself. */
function ancestors() {
  const parent = process.ppid
  if (!process.env.npm_lifecycle_event) return [parent]
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
    const [name] = /\((.*)\)/.exec(stat)?.slice(1) ?? []
    const grandparent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    return name === 'sh' || name === 'bash' || name === 'dash' ? [parent, grandparent] : [parent]
  } catch {
    return [parent]
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
