/** The services' image contains exactly the files and packages that the services need. */

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modulesFrom } from '../../cli/import-graph.ts'
import { packageOf } from '../../cli/imported-packages.ts'
import { services } from '../../functions/index.ts'
import { TASKS_CLIENT } from '../../shared/gcp/clients.ts'
import { copyOfSources } from '../support/copy.ts'
import { copyImage, imageFiles, imagePackages, isIgnored } from '../support/image.ts'
import { root } from '../support/root.ts'

const files = imageFiles()
/** Each import of the image's files, types left out: [file, specifier]. */
const imports = files
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8')
    const found = code.matchAll(
      /^(?:import|export) (?!type\b)[^'"]*?from '([^']+)'|^import '([^']+)'|\b(?:import|require\.resolve)\('([^']+)'\)/gm,
    )
    return [...found].map(([, from, bare, dynamic]) => [file, from ?? bare ?? dynamic!] as const)
  })
const packages = new Set(
  imports
    .map(([, specifier]) => specifier)
    .concat(TASKS_CLIENT)
    .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
    .map(packageOf),
)

let folder: string
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-image-')))
  await copyImage(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the image', () => {
  it('holds the services and shared/, and no file for tests', () => {
    expect(files).toContain('functions/main.ts')
    for (const { name } of services) expect(files).toContain(`functions/${name}/service.ts`)
    const strange = files.filter(
      (file) =>
        !/^(?:functions|shared)\/[\w/-]+\.ts$|^functions\/[\w-]+\/(?:(?:rpc|documents)\.json|schema\.graphql)$|^package\.json$/.test(
          file,
        ),
    )
    expect(strange).toEqual([])
    expect(files.filter((file) => /testing/.test(file))).toEqual([])
  })

  it('holds no command, partner or seed of the shop', () => {
    expect(files.filter((file) => /^functions\/(?:tools\.ts$|shop\/(?:cli|local)\/)/.test(file))).toEqual([])
    expect(existsSync(join(root, 'functions/shop/cli'))).toBe(true)
  })

  it('holds every file that its files import', () => {
    const missing = imports
      .filter(([, specifier]) => specifier.startsWith('.'))
      .map(([file, specifier]) => normalize(join(dirname(file), specifier)))
      .filter((file) => !files.includes(file))
    expect(missing).toEqual([])
  })

  it('holds the packages that its files import, which are the dependencies of package.json', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
    expect([...packages].toSorted()).toEqual(Object.keys(dependencies).toSorted())
  })

  it('is built by a program whose every file the build gets', () => {
    const program = modulesFrom(join(root, 'cli/image-packages.ts')).map(({ file }) => relative(root, file))
    expect(program).toContain('cli/lockfile.ts')
    expect(program.filter(isIgnored)).toEqual([])
  })

  it('holds no package of stacks, emulators or tests', () => {
    const names = imagePackages().map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    expect(
      names.filter((name) =>
        /cdktf|constructs|duckdb|vitest|typescript|fast-check|playwright|^node-(?:linux|win)/.test(name),
      ),
    ).toEqual([])
  })

  it(
    'is refused with a package that is not of dependencies, and made locally of code that does not run yet',
    {
      timeout: 120_000,
    },
    () => {
      const copy = copyOfSources()
      try {
        copy.replace('emulators/image-folder.ts', 'node_modules/.cache/image', 'cache')
        const print = 'imageFolder(undefined, console.log).then(console.log, (error) => console.log(error.message))'
        copy.write('make.ts', `import { imageFolder } from './emulators/image-folder.ts'\nawait ${print}\n`)
        const make = (): string => copy.runOwn('make.ts').output
        const made = join(copy.root, '.tools/image')
        const packing = 'packing what the services import, once for these packages\n'
        const inCache = (): string[] => readdirSync(join(copy.root, 'cache'))

        const main = copy.read('functions/main.ts')
        copy.write('functions/main.ts', `import 'fast-check'\n${main}`)
        expect(make()).toBe(
          packing +
            'The services import fast-check, which package.json does not name in dependencies, so the image has it not: npm install --save-exact fast-check\n',
        )
        copy.write('functions/main.ts', `import 'hono/nothing'\n${main}`)
        expect(make()).toBe(
          packing + 'The services import hono/nothing, and the package hono has nothing of that name.\n',
        )
        expect(inCache()).toEqual([])

        copy.write('functions/main.ts', main)
        copy.write('functions/orders/app.ts', `throw new Error('not yet')\n${copy.read('functions/orders/app.ts')}`)
        expect([make(), inCache().length]).toEqual([`${packing}${made}\n`, 1])
        // As some programs do that copy a project.
        rmSync(join(made, 'shared'))
        cpSync(join(copy.root, 'shared'), join(made, 'shared'), { recursive: true })
        expect(make()).toBe(`${made}\n`)
        expect(realpathSync(join(made, 'shared'))).toBe(realpathSync(join(copy.root, 'shared')))
      } finally {
        copy.remove()
      }
    },
  )

  it('has few files of packages, and the license of each', () => {
    const inPackages = (pattern: string): string[] => globSync(`node_modules/${pattern}`, { cwd: folder })
    const code = [...inPackages('**/*.{js,mjs,cjs}'), ...inPackages('.chunks/*')]
    expect(code.length).toBeGreaterThan(30)
    expect(code.length).toBeLessThan(80)
    const licensed = new Set(
      inPackages('.licenses/**/*').map((path) => dirname(path).slice('node_modules/.licenses/'.length)),
    )
    expect(licensed).toContain('zod')
    expect(licensed.size).toBeGreaterThan(100)
  })

  it('loads each package that its files import, without any other', { timeout: 60_000 }, () => {
    const specifiers = [...new Set(imports.map(([, specifier]) => specifier).filter((one) => !one.startsWith('.')))]
    const program = `for (const one of ${JSON.stringify(specifiers)}) await import(one); console.log('loaded')`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect([stdout, stderr]).toEqual(['loaded\n', ''])
    expect(existsSync(join(folder, 'node_modules/vitest'))).toBe(false)
  })
})
