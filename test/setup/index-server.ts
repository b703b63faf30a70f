/** A Python package index with one wheel, for tests: JSON or HTML, with or without a password, and with connections that break. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { type Wheel, wheelFile } from '../../src/libtensorflow/wheels.js'

export interface IndexOptions {
  format?: 'json' | 'html'
  /** USER:PASSWORD that every request must carry. */
  password?: string
  /** The number of bytes after which the next answers break off, one each. */
  breaks?: number[]
  /** The content of the file instead of the wheel's. */
  content?: Buffer
  /** Whether a request for a part gets that part. */
  ranges?: boolean
}

/** What was asked for: METHOD PATH RANGE. */
export interface RunningIndex {
  readonly address: string
  readonly requests: string[]
}

/** Gives `startIndex`, whose servers end with each test. */
export function useIndexes() {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** An index that has the wheel in `archive`. */
  return async function startIndex(wheel: Wheel, archive: string, options: IndexOptions = {}): Promise<RunningIndex> {
    const requests: string[] = []
    const content = options.content ?? readFileSync(archive)
    const server = createServer((request, response) => {
      requests.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '))
      answer(request, response, wheel, content, options)
    })
    servers.push(server.listen(0, '127.0.0.1'))
    await once(server, 'listening')
    return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`, requests }
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  wheel: Wheel,
  content: Buffer,
  options: IndexOptions,
) {
  const { format = 'json', password } = options
  const expected = password && `Basic ${Buffer.from(password).toString('base64')}`
  if (expected && request.headers.authorization !== expected) return response.writeHead(401).end()
  if (request.url === `/files/${wheelFile(wheel)}`) return sendFile(request, response, content, options)
  if (request.url !== `/simple/${wheel.package}/`) return response.writeHead(404).end()
  const url = `../../files/${wheelFile(wheel)}`
  if (format === 'html') {
    response.setHeader('content-type', 'text/html')
    return response.end(
      `<!DOCTYPE html><a href="../../files/other-1.0.whl">x</a><a data-requires-python="&gt;=3.10" href="${url}#sha256=${wheel.sha256}">y</a>`,
    )
  }
  response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
  const file = { filename: wheelFile(wheel), url, hashes: { sha256: wheel.sha256 } }
  return response.end(JSON.stringify({ files: [{ ...file, filename: 'other-1.0.whl', hashes: {} }, file] }))
}

function sendFile({ headers }: IncomingMessage, response: ServerResponse, content: Buffer, options: IndexOptions) {
  const { breaks = [], ranges = true } = options
  const from = ranges ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
  const rest = content.subarray(from)
  response.setHeader('content-length', rest.length)
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`)
  response.statusCode = from > 0 ? 206 : 200
  const length = breaks.shift()
  if (length === undefined) return response.end(rest)
  return response.write(rest.subarray(0, length), () => setTimeout(() => response.destroy(), 100))
}
