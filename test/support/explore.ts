/** `elbo explore` as users start it, and its exports as any web server serves them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { program } from './repository.js'

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
