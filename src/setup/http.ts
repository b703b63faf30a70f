// Requests to a package index: through the proxy of the environment or of pip, with the certificates and the credentials that they name.
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { Dispatcher, Response } from 'undici'
import { pipSettings } from './pip-settings.js'
import { errorText, Refusal } from './refusal.mjs'

/** How long a server may be silent. */
const patienceMs = 30_000

interface Request {
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/**
 * Sends a GET request to an address, whose credentials, if it has any, go into a header.
 * @throws {Refusal} if the server cannot be reached
 */
export async function get(address: string, { headers = {}, signal }: Request = {}): Promise<Response> {
  // Loaded only now, because most starts fetch nothing.
  const { fetch } = await import('undici')
  const url = new URL(address)
  const authorization = credentials(url)
  try {
    return await fetch(withoutCredentials(address), {
      headers: { ...headers, ...(authorization && { authorization }) },
      dispatcher: await dispatcherFor(withoutCredentials(address)),
      ...(signal && { signal }),
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw unreachable(address, error)
  }
}

/** An address as it may be shown and recorded. */
export function withoutCredentials(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href
}

/** Why a request failed, with the cause that undici hides below 'fetch failed'. */
export function unreachable(address: string, error: unknown): Refusal {
  const { host } = new URL(address)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return new Refusal(
    `${host} cannot be reached (${errorText(cause)})`,
    "check the network, the proxy (HTTPS_PROXY) and the package index (ELBO_MIRROR, or pip's index-url)",
  )
}

function credentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(text).toString('base64')}`
}

async function dispatcherFor(address: string): Promise<Dispatcher> {
  const [{ Agent, ProxyAgent }, { getProxyForUrl }] = await Promise.all([import('undici'), import('proxy-from-env')])
  const { cert, proxy } = pipSettings()
  const tls = cert ? { ca: [...rootCertificates, readCertificates(cert)] } : {}
  const patience = { headersTimeout: patienceMs, bodyTimeout: patienceMs }
  const uri = proxy ?? getProxyForUrl(address)
  if (!uri) return new Agent({ ...patience, connect: { ...tls, timeout: patienceMs } })
  const url = new URL(uri.includes('://') ? uri : `http://${uri}`)
  const token = credentials(url)
  return new ProxyAgent({
    ...patience,
    uri: withoutCredentials(url.href),
    ...(token && { token }),
    requestTls: tls,
    proxyTls: tls,
  })
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Refusal(
      `the certificates that pip is set to trust cannot be read (${errorText(error)})`,
      'mend PIP_CERT, or `cert` in pip.conf',
    )
  }
}
