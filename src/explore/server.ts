/** The server of `elbo explore`: on this machine only, for whoever has the token, and only to read. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, Refused } from './answer.js'
import { documents } from './documents.js'
import { type Events, events } from './events.js'
import { guard, safeHeaders } from './guard.js'
import { pageFile } from './page-files.js'
import type { About } from './protocol.js'

export interface ExploreServer {
  /** With the token. */
  address: string
  close(): Promise<void>
}

export interface ServerOptions extends About {
  /** A loopback address. */
  host: string
  /** 0: one that is free. */
  port: number
}

const limits = {
  headerBytes: 16 * 1024,
  connections: 256,
  atOnce: 64,
  requestMs: 10_000,
  headersMs: 5000,
  keepAliveMs: 60_000,
}

/** Starts the server. Throws an Error of one line if it cannot listen. */
export async function startServer({ host, port, ...about }: ServerOptions): Promise<ExploreServer> {
  const token = randomBytes(24).toString('base64url')
  const found = documents(about)
  const changes = events(found)
  const hosts: string[] = []
  let working = 0
  const server = createServer(
    { maxHeaderSize: limits.headerBytes, requestTimeout: limits.requestMs, headersTimeout: limits.headersMs },
    (request, response) => {
      working++
      response.on('close', () => working--)
      respond(request, response, async () => {
        const parts = guard(request, token, hosts)
        if (parts.join('/') === 'api/events') return listen(changes, response)
        if (working > limits.atOnce) throw new Refused(503, 'too many requests at once; try again')
        return answerOf(parts, found.answer)
      })
    },
  )
  server.maxConnections = limits.connections
  server.keepAliveTimeout = limits.keepAliveMs
  const actual = await listening(server, host, port)
  const shown = host.includes(':') ? `[${host}]` : host
  hosts.push(...[shown, 'localhost', '127.0.0.1', '[::1]'].map(name => `${name}:${actual}`))
  return {
    address: `http://${shown}:${actual}/${token}/`,
    close: () =>
      new Promise(done => {
        changes.close()
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function answerOf(
  [first = '', ...rest]: readonly string[],
  answer: (parts: readonly string[]) => Promise<Answer>,
): Promise<Answer> {
  if (first === 'api') return answer(rest)
  if (rest.length > 0) throw new Refused(404, 'there is no such file')
  return pageFile(first)
}

/** Undefined: the answer goes on. */
function listen(changes: Events, response: ServerResponse): undefined {
  response.writeHead(200, { ...safeHeaders, 'Content-Type': 'text/event-stream' })
  if (!changes.add(response)) response.end()
}

function respond({ method }: IncomingMessage, response: ServerResponse, work: () => Promise<Answer | undefined>): void {
  const send = (status: number, { type, body }: Answer) => {
    if (response.headersSent || response.destroyed) return void response.end()
    response.writeHead(status, { ...safeHeaders, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
    response.end(method === 'HEAD' ? undefined : body)
  }
  work().then(
    answer => answer && send(200, answer),
    error => {
      const status = error instanceof Refused ? error.status : 422
      send(status, { type: 'application/json', body: JSON.stringify({ error: (error as Error).message }) })
    },
  )
}

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.on('clientError', (_, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      else socket.destroy()
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        fail(new Error(`--port ${port}: another program uses this port; choose another, or leave --port out`))
      else if (error.code === 'EACCES')
        fail(new Error(`--port ${port}: this port needs more rights; choose one above 1023`))
      else fail(error)
    })
    server.listen(port, host, () => done((server.address() as AddressInfo).port))
  })
}
