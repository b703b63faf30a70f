/** What the server refuses, and the headers of every answer. */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Refused } from './answer.js'

/** The same policy stands in index.html, for `--export`. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const safeHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-store',
}

/** Characters of an address that are read. */
const LONGEST_URL = 4096

/**
 * The decoded parts of the path after the token. Throws a `Refused` for other methods than GET and HEAD, a body, another Host (DNS rebinding),
 * requests of other sites, a wrong token, and paths that leave their folder.
 */
export function guard(request: IncomingMessage, token: string, hosts: readonly string[]): string[] {
  const { method, headers, url = '' } = request
  if (method !== 'GET' && method !== 'HEAD')
    throw new Refused(405, 'only GET and HEAD are answered: nothing can be changed')
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
    throw new Refused(413, 'a request with a body was sent; none was expected')
  if (!hosts.includes((headers.host ?? '').toLowerCase()))
    throw new Refused(421, `the header Host names another server; one of ${hosts.join(', ')} was expected`)
  requireOwnSite(headers, hosts)
  if (url.length > LONGEST_URL)
    throw new Refused(414, `the address is too long; at most ${LONGEST_URL} characters are read`)
  const [given = '', ...parts] = partsOf(url)
  if (!isEqual(given, token))
    throw new Refused(403, 'the token in the address is missing or wrong: open the address that `elbo explore` printed')
  return parts
}

/** A page of another site may lead here, with the token; it may not load from here. */
function requireOwnSite(headers: IncomingMessage['headers'], hosts: readonly string[]): void {
  const { origin } = headers
  if (origin !== undefined && !hosts.some(host => origin === `http://${host}`))
    throw new Refused(403, 'the request comes from another site')
  const [site, mode] = [headers['sec-fetch-site'], headers['sec-fetch-mode']]
  if ((site === 'cross-site' || site === 'same-site') && mode !== 'navigate')
    throw new Refused(403, 'the request comes from another site')
}

function partsOf(url: string): string[] {
  const [path = ''] = url.split(/[?#]/, 1)
  if (!path.startsWith('/')) throw new Refused(400, 'the address is no path')
  return path.slice(1).split('/').map(decoded)
}

function decoded(part: string): string {
  let text: string
  try {
    text = decodeURIComponent(part)
  } catch {
    throw new Refused(400, 'the address has a wrong % code')
  }
  if (text === '.' || text === '..' || /[/\\\0]/.test(text)) throw new Refused(400, 'the address leaves its folder')
  return text
}

/** In the same time, whatever is given. */
function isEqual(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
