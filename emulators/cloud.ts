/** `npm run cloud`: the local Google Cloud alone, for a program of any language. */

import { join, relative, resolve } from 'node:path'
import { giveBackIdleMemory, STATE_UMASK } from 'local-google-cloud/host'
import { flag, main, text, UsageError, wholeNumber } from '../cli/command.ts'
import { printError, say } from '../cli/terminal.ts'
import { exportLines, startCloudAlone } from './cloud-alone.ts'
import { explainStart } from './explain-start.ts'
import { stopOnSignal } from './stop-on-signal.ts'

const startedMs = performance.now()
/** npm starts its scripts in the folder of package.json: a folder on the command line is relative to the one where npm was called. */
const callersFolder = process.env['INIT_CWD'] ?? process.cwd()

void main('cloud', {
  brief:
    'Starts the local Google Cloud alone, for your own program: Pub/Sub, Firestore, Cloud Tasks, BigQuery, Secret Manager and IAM.',
  about: `
Prints the variables by which Google's clients find it. docs/your-own-program.md shows Node, Python, Go and curl.

npm run cloud -- --project my-app
npm run cloud -- --project my-app --port 8800 --data ./state --fresh`,
  options: {
    project: text('ID', 'the id of the project, which your program names too'),
    region: text('NAME', 'the region of the project', 'europe-west1'),
    port: wholeNumber('port of every API; the next one serves the metadata server', 8700, { from: 1024, to: 65_000 }),
    data: text('DIR', 'keep the state in this folder (default: .cloud/ID)'),
    fresh: flag('delete the state and begin anew'),
    'warn-indexes': flag('answer a Firestore query whose composite index is missing, with a warning'),
  },
  async run({ project, region, port, data, fresh, 'warn-indexes': warnIndexes }) {
    if (project === undefined) throw new UsageError('Name your project: npm run cloud -- --project my-app')
    process.umask(STATE_UMASK)
    const dataDirectory = data === undefined ? join(process.cwd(), '.cloud', project) : resolve(callersFolder, data)
    try {
      const started = await startCloudAlone({ project, region, port, dataDirectory, fresh, warnIndexes })
      stopOnSignal(started)
      giveBackIdleMemory()
      say(readyText({ project, region, dataDirectory }, started))
    } catch (error) {
      printError(
        await explainStart(error, {
          start: `npm run cloud -- --project ${project} --port ${port + 100}`,
          empty: '--fresh makes one.',
        }),
      )
      process.exit(1)
    }
  },
})

function readyText(
  {
    project,
    region,
    dataDirectory,
  }: { readonly project: string; readonly region: string; readonly dataDirectory: string },
  { cloud, variables, variablesFile }: Awaited<ReturnType<typeof startCloudAlone>>,
): string {
  return `
Ready in ${((performance.now() - startedMs) / 1000).toFixed(1)} s: project ${project}, region ${region}, at http://${cloud.ownerHost}

In the terminal of your program:

${exportLines(variables)}

or the same in one line:

  source ${shortest(variablesFile)}

  Pub/Sub, Firestore    the clients find them by these variables; the database (default) exists
  BigQuery              Node and Python find it too; credentials come from the local metadata server, without a key
  Cloud Tasks           give the client CLOUD_TASKS_EMULATOR_HOST and no TLS
  Secret Manager        give the client SECRET_MANAGER_EMULATOR_HOST and no TLS
  examples              docs/your-own-program.md: Node, Python, Go, curl
  state                 ${shortest(dataDirectory)}, kept; --fresh deletes it

Ctrl-C stops it.`
}

/** As seen from the terminal of the caller. */
function shortest(path: string): string {
  const seen = relative(callersFolder, path)
  return seen.startsWith('..') ? path : seen
}
