/** The page of `elbo explore` in Chromium, as users see it: the built program serves it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { startExplore } from './explore.js'
import { temporaryFolder } from './temporary-folder.js'

/** Where Chromium may be: what CHROMIUM names, or one on the PATH. */
const browsers = [
  process.env.CHROMIUM ?? '',
  ...(process.env.PATH ?? '')
    .split(delimiter)
    .flatMap(folder => ['chromium', 'google-chrome'].map(name => join(folder, name))),
]

const executablePath = browsers.find(path => path !== '' && existsSync(path))

/** Why the page cannot be tested here; undefined if it can. */
export const noBrowser =
  executablePath === undefined ? 'there is no chromium on the PATH; CHROMIUM names one' : undefined

/** A server of the page and a browser. */
export interface Served {
  /** Opens the page at a fragment such as `view=text`; `errors` collects what its console reports as an error. */
  open(fragment: string, options?: Parameters<Browser['newPage']>[0]): Promise<{ page: Page; errors: string[] }>
  /** What axe finds wrong on a page, one line each; `only` names one rule to check. */
  violations(page: Page, only?: string): Promise<string[]>
  close(): Promise<void>
}

/** Starts the browser. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })

/** A page at an address; `errors` collects what its console reports, and requests to anywhere but that server. */
export async function openPage(
  browser: Browser,
  address: string,
  fragment: string,
  options?: Parameters<Browser['newPage']>[0],
): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ reducedMotion: 'reduce', ...options })
  page.setDefaultTimeout(120_000) // on a busy machine too
  const errors: string[] = []
  page.on('pageerror', error => errors.push(error.message))
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(new URL(address).origin))
      errors.push(`a request to ${request.url()}`)
  })
  await page.goto(`${address}#${fragment}`)
  return { page, errors }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong on a page, one line each; `only` names one rule to check. */
export async function violationsOn(page: Page, only?: string): Promise<string[]> {
  await page.evaluate(axe)
  // What is seen of an equation is hidden from those who hear it: its MathML is for them.
  const rules = JSON.stringify(only === undefined ? {} : { runOnly: [only] })
  const { violations } = (await page.evaluate(`axe.run({ exclude: [['.katex-html']] }, ${rules})`)) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[]
  }
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
}

/** Serves the runs of a folder, by default one without runs. */
export async function servePage(checkpoints = temporaryFolder()): Promise<Served> {
  const server = await startExplore(process.cwd(), '--checkpoints', checkpoints)
  const browser = await openBrowser()
  return {
    open: (fragment, options) => openPage(browser, server.address, fragment, options),
    violations: violationsOn,
    async close() {
      await browser.close()
      await server.stop()
    },
  }
}
