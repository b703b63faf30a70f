// Finds a wheel on Python package indexes by their simple API: JSON (PEP 691), or HTML (PEP 503) where an index has no JSON.
import { type Wheel, wheelFile } from '../libtensorflow/wheels.js'
import { get, withoutCredentials } from './http.js'
import { pipSettings } from './pip-settings.js'
import { Refusal } from './refusal.mjs'

/** A file of an index. */
interface Listed {
  readonly name: string
  readonly url: string
  /** In hexadecimal; undefined if the index does not say. */
  readonly sha256: string | undefined
}

const formats = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1'

/** The package indexes in use: `ELBO_MIRROR` alone, else those of pip's settings. */
function packageIndexes(): readonly string[] {
  const { ELBO_MIRROR } = process.env
  return ELBO_MIRROR ? [ELBO_MIRROR] : pipSettings().indexes
}

/**
 * The address of a wheel, with the credentials of its index if it is on the same server.
 * @throws {Refusal} if no index has it
 */
export async function findWheel(wheel: Wheel, signal?: AbortSignal): Promise<string> {
  const indexes = packageIndexes()
  const failures: Refusal[] = []
  for (const index of indexes) {
    try {
      const found = (await filesOf(index, wheel, signal)).find(file => isWanted(file, wheel))
      if (found) return withCredentialsOf(index, found.url)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      failures.push(error)
    }
  }
  throw failures[0] ?? notFound(wheel, indexes)
}

function notFound(wheel: Wheel, indexes: readonly string[]): Refusal {
  const where = indexes.length > 0 ? indexes.map(index => shown(index)).join(', ') : 'any index: pip is set to use none'
  return new Refusal(
    `${wheelFile(wheel)} is not on ${where}`,
    'set ELBO_MIRROR to a package index that mirrors it, such as https://HOST/simple/',
  )
}

const shown = (address: string): string => (URL.canParse(address) ? withoutCredentials(address) : address)

function isWanted({ name, sha256 }: Listed, wheel: Wheel): boolean {
  if (sha256 !== undefined) return sha256 === wheel.sha256
  // A tag may be followed by others with the same meaning.
  return name.startsWith(wheelFile(wheel).replace(/whl$/, '')) && name.endsWith('.whl')
}

async function filesOf(index: string, { package: name }: Wheel, signal: AbortSignal | undefined): Promise<Listed[]> {
  const address = pageOf(index, name)
  const response = await get(address, { headers: { accept: formats }, signal })
  if (response.status === 404) return []
  if (!response.ok)
    throw new Refusal(
      `${withoutCredentials(address)} answers ${response.status} ${response.statusText}`.trim(),
      response.status === 401 || response.status === 403
        ? 'put the name and the password of the package index into its address, as pip takes them'
        : 'ask the operator of the package index, or set ELBO_MIRROR to another one',
    )
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return isJson ? fromJson(text, response.url) : fromHtml(text, response.url)
}

function pageOf(index: string, name: string): string {
  const base = index.endsWith('/') ? index : `${index}/`
  if (URL.canParse(base) && /^https?:$/.test(new URL(base).protocol)) return `${base}${name}/`
  throw new Refusal(
    `'${shown(index)}' is not the address of a package index`,
    "set ELBO_MIRROR, or pip's index-url, to an address such as https://HOST/simple/",
  )
}

function fromJson(text: string, page: string): Listed[] {
  try {
    const { files } = JSON.parse(text) as { files: { filename: string; url: string; hashes: { sha256?: string } }[] }
    return files.map(({ filename, url, hashes }) => ({
      name: filename,
      url: new URL(url, page).href,
      sha256: hashes.sha256,
    }))
  } catch {
    throw new Refusal(`${page} is not JSON as PEP 691 describes it`, 'ask the operator of the package index')
  }
}

function fromHtml(text: string, page: string): Listed[] {
  const base = unescapeHtml(/<base\s[^>]*href="([^"]*)"/i.exec(text)?.[1] ?? '')
  return [...text.matchAll(/<a\s[^>]*href\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)].flatMap(([, double, single]) => {
    const link = unescapeHtml(double ?? single ?? '')
    if (!URL.canParse(link, new URL(base, page).href)) return []
    const url = new URL(link, new URL(base, page))
    const sha256 = /sha256=([0-9a-f]{64})/.exec(url.hash)?.[1]
    url.hash = ''
    return [{ name: decodeURIComponent(url.pathname.split('/').at(-1) ?? ''), url: url.href, sha256 }]
  })
}

const unescapeHtml = (text: string): string =>
  text.replaceAll('&amp;', '&').replaceAll('&#x2F;', '/').replaceAll('&quot;', '"')

function withCredentialsOf(index: string, address: string): string {
  const [from, to] = [new URL(index), new URL(address)]
  if (from.origin !== to.origin || to.username !== '') return address
  to.username = from.username
  to.password = from.password
  return to.href
}
