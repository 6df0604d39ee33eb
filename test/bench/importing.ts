/** The import of the sample by `npm run import`, from the command's start to its report. */

import { startTestPlatform } from '../support/platform.ts'
import { announce, run, temporaryDirectory } from '../support/command.ts'
import { rounded, timed } from './measure.ts'
import type { Section } from './section.ts'

export const importing: Section = {
  name: 'import',
  about: "seconds of npm run import with the sample's 7,419 lines, once",
  async run() {
    const directory = temporaryDirectory()
    const platform = await startTestPlatform({ dataDirectory: directory.path, views: 'all' })
    try {
      announce(platform, directory.path)
      let report = ''
      const ms = await timed(async () => {
        const { code, stdout, stderr } = await run('functions/shop/cli/import.ts', [], directory.path)
        if (code !== 0) throw new Error(`The import ended with ${code}:\n${stdout}${stderr}`)
        report = stdout
      })
      const completed = Number(/(\d+) completed/.exec(report.replaceAll(',', ''))?.[1])
      return [{ title: 'the sample', rows: [{ 'orders completed': completed, seconds: rounded(ms / 1000) }] }]
    } finally {
      await platform.close()
      directory.remove()
    }
  },
}
