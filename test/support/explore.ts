/** `elbo explore` and the page that it serves, in a real browser. */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, extname, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { program } from './repository.js'

/** Chromium on the PATH; undefined if there is none. */
const executable = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap(folder => ['chromium', 'chromium-browser', 'google-chrome'].map(name => join(folder, name)))
  .find(isExecutable)

/** Why tests in a browser are skipped, for the name of a suite; empty if they are not. */
export const withoutBrowser = executable === undefined ? ' (skipped: there is no chromium on the PATH)' : ''

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface Explore {
  /** With the token. */
  address: string
  child: ChildProcess
  /** Ends it as Ctrl-C does; returns its exit code. */
  stop(): Promise<number | null>
}

/** Starts `elbo explore` in the folder `cwd`, and waits for its address. */
export async function startExplore(cwd: string, ...args: string[]): Promise<Explore> {
  const child = spawn(process.execPath, [program, 'explore', ...args], { cwd, env: { ...process.env, NO_COLOR: '1' } })
  let [output, errors] = ['', '']
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const ended = new Promise<number | null>(done => child.on('close', done))
  const address = await new Promise<string>((done, fail) => {
    child.stdout.on('data', chunk => {
      output += chunk
      if (output.includes('\n')) done(output.trim())
    })
    child.on('close', code => fail(new Error(`elbo explore ended with ${code}: ${errors}`)))
  })
  return {
    address,
    child,
    stop() {
      child.kill('SIGINT')
      return ended
    },
  }
}

export interface Seen {
  page: Page
  /** Errors on the console and in scripts, and requests to other servers. */
  wrong: string[]
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: executable ?? '', args: ['--no-sandbox'] })

/** A page of its own, at an address below the server's; `hash` is the state. */
export async function openPage(
  browser: Browser,
  address: string,
  hash = '',
  options: BrowserContextOptions = {},
): Promise<Seen> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 850 }, ...options })
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') wrong.push(message.text())
  })
  page.on('pageerror', error => wrong.push(String(error)))
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(new URL(address).origin))
      wrong.push(request.url())
  })
  await page.goto(`${address}#${hash}`)
  return { page, wrong }
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
}

/** A server of the files in a folder, as any web server serves them. */
export async function serveFiles(folder: string): Promise<{ address: string; close(): void }> {
  const server = createServer(({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname)
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path)
    const isThere = existsSync(file) && statSync(file).isFile()
    response.writeHead(isThere ? 200 : 404, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' })
    response.end(isThere ? readFileSync(file) : undefined)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() }
}
