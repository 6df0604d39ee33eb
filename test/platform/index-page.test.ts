import { expect, it } from 'vitest'
import { createLocalCloud } from 'local-google-cloud'
import { hasBrowser, inPage } from '../support/browser.ts'
import { indexPage, type Overview, pagePolicy } from '../../emulators/index-page.ts'

const overview: Overview = {
  running: {
    pid: 1,
    projectId: 'theatre',
    apiHost: '127.0.0.1:4100',
    region: 'europe-west1',
    publicUrl: 'http://127.0.0.1:4110',
    serviceUrls: { door: 'http://127.0.0.1:4110', seats: 'http://127.0.0.1:4111' },
    identityUrl: 'http://127.0.0.1:4101',
    secret: 'the-secret-of-the-run',
    dataDirectory: '/data',
  },
  publicService: 'door',
  states: [{ service: 'door', state: 'running' }],
  tools: {
    nextSteps: [{ command: 'npm run sell -- --seat <A1>', brief: 'sells "a" seat' }],
    page: { path: '/docs', title: 'the API' },
  },
}

it('links the API, shows commands and states, escapes values, and has no secret', async () => {
  const page = await indexPage(overview)
  expect(page).toContain('<a href="http://127.0.0.1:4110/docs">the API</a>')
  expect(page).toContain('npm run sell -- --seat &lt;A1&gt;')
  expect(page).toContain('sells &quot;a&quot; seat')
  expect(page).toMatch(/door<\/td>\s*<td>running · http:\/\/127\.0\.0\.1:4110/)
  expect(page).toMatch(/seats<\/td>\s*<td>starting/)
  expect(page).toContain('npm run ops -- queues')
  expect(page).not.toContain('the-secret-of-the-run')
})

it('needs neither a public service nor commands of the business', async () => {
  const { publicUrl: _, ...running } = overview.running
  const page = await indexPage({ running, publicService: undefined, states: [], tools: {} })
  expect(page).toContain('npm run trace')
  expect(page).not.toContain('undefined')
})

it.runIf(hasBrowser)('is styled in a browser, loads nothing, and every link of its own port answers', async () => {
  const { ownerHost, close } = await createLocalCloud({
    plugins: [],
    project: { id: 'theatre', number: '1', region: 'europe-west1' },
    page: { policy: pagePolicy, html: () => indexPage(overview) },
  })
  try {
    const seen = `Promise.all([...document.querySelectorAll('#consoles a')].slice(-2).map(({ href }) => href)).then((links) => ({
      links, title: document.title, width: getComputedStyle(document.body).maxWidth,
      loaded: performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.endsWith('/favicon.ico')) }))`
    const found = (await inPage(`http://${ownerHost}/`, seen)) as { readonly links: readonly string[] }
    expect(found).toMatchObject({ title: 'Millrace', width: '960px', loaded: [] })
    // Without plugins only the local cloud's own are there: they ask for the secret.
    expect(found.links).toHaveLength(2)
    for (const url of found.links) expect((await fetch(url)).status).toBe(401)
  } finally {
    await close()
  }
})
