/** The page of `elbo explore` in Chromium, as users see it: the built program serves it. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { program } from './repository.js'
import { temporaryFolder } from './temporary-folder.js'

/** Where Debian's Chromium and Google's Chrome are. */
const browsers = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome']

const executablePath = browsers.find(path => path !== '' && existsSync(path))

/** Why the page cannot be tested here; undefined if it can. */
export const noBrowser = executablePath === undefined ? 'there is no Chromium; CHROMIUM names one' : undefined

/** A server of the page and a browser. */
export interface Served {
  /** Opens the page at a fragment such as `view=text`; `errors` collects what its console reports as an error. */
  open(fragment: string, options?: Parameters<Browser['newPage']>[0]): Promise<{ page: Page; errors: string[] }>
  /** What axe finds wrong on a page, one line each; `only` names one rule to check. */
  violations(page: Page, only?: string): Promise<string[]>
  close(): Promise<void>
}

/** Serves the runs of a folder, by default one without runs. Requests to anywhere but the server count as errors of the page. */
export async function servePage(checkpoints = temporaryFolder()): Promise<Served> {
  const server = spawn(process.execPath, [program, 'explore', '--checkpoints', checkpoints])
  const address = await new Promise<string>((resolve, reject) => {
    let said = ''
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', chunk => {
        said += chunk
        const [, found] = /^(http:\/\/\S+)$/m.exec(said) ?? []
        if (found) resolve(found)
      })
    server.on('exit', () => reject(new Error(`elbo explore ended: ${said}`)))
  })
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  return {
    async open(fragment, options) {
      const page = await browser.newPage({ reducedMotion: 'reduce', ...options })
      const errors: string[] = []
      page.on('pageerror', error => errors.push(error.message))
      page.on('console', message => message.type() === 'error' && errors.push(message.text()))
      page.on('request', request => {
        if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(new URL(address).origin))
          errors.push(`a request to ${request.url()}`)
      })
      await page.goto(`${address}#${fragment}`)
      return { page, errors }
    },
    async violations(page, only) {
      await page.evaluate(axe)
      // What is seen of an equation is hidden from those who hear it: its MathML is for them.
      const rules = JSON.stringify(only === undefined ? {} : { runOnly: [only] })
      const { violations } = (await page.evaluate(`axe.run({ exclude: [['.katex-html']] }, ${rules})`)) as {
        violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[]
      }
      return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
    },
    async close() {
      await browser.close()
      server.kill()
    },
  }
}
