// The settings of pip that say where packages come from, read as pip reads them: its files, then its environment variables, the last wins.
// https://pip.pypa.io/en/stable/topics/configuration/
import { existsSync, readFileSync } from 'node:fs'
import { devNull, homedir } from 'node:os'
import { join } from 'node:path'

/** Where packages come from. */
interface PipSettings {
  /** Addresses of package indexes, the first to ask first. */
  readonly indexes: readonly string[]
  /** A file of certificates of authorities (PEM) that are trusted instead of the usual ones. */
  readonly cert?: string
  /** The proxy for all requests, whatever the environment says. */
  readonly proxy?: string
}

/** pip's own default: the Python Package Index. */
const defaultIndex = 'https://pypi.org/simple/'

/** The settings for `pip download` of this user. */
export function pipSettings(environment: NodeJS.ProcessEnv = process.env): PipSettings {
  const settings = new Map<string, string>()
  for (const path of configurationFiles(environment)) {
    for (const [name, value] of readConfiguration(path)) settings.set(name, value)
  }
  for (const [name, value = ''] of Object.entries(environment)) {
    if (name.startsWith('PIP_') && value !== '') settings.set(name.slice(4).toLowerCase().replaceAll('_', '-'), value)
  }
  const cert = settings.get('cert') ?? environment.REQUESTS_CA_BUNDLE ?? environment.CURL_CA_BUNDLE
  const proxy = settings.get('proxy')
  return { indexes: indexesOf(settings), ...(cert && { cert }), ...(proxy && { proxy }) }
}

function indexesOf(settings: ReadonlyMap<string, string>): string[] {
  const words = (name: string) => (settings.get(name) ?? '').split(/\s+/).filter(word => word !== '')
  if (/^(1|true|yes|on|y|t)$/i.test(settings.get('no-index') ?? '')) return []
  return [settings.get('index-url')?.trim() || defaultIndex, ...words('extra-index-url')]
}

/** In pip's order: global, user, site (a virtual environment), and the file that PIP_CONFIG_FILE names. */
function configurationFiles({ PIP_CONFIG_FILE, XDG_CONFIG_DIRS, XDG_CONFIG_HOME, VIRTUAL_ENV }: NodeJS.ProcessEnv) {
  if (PIP_CONFIG_FILE === devNull) return []
  const home = homedir()
  const user = join(XDG_CONFIG_HOME || join(home, '.config'), 'pip')
  const mac = join(home, 'Library', 'Application Support', 'pip')
  return [
    ...(XDG_CONFIG_DIRS || '/etc/xdg').split(':').map(folder => join(folder, 'pip', 'pip.conf')),
    '/etc/pip.conf',
    join(home, '.pip', 'pip.conf'),
    join(process.platform === 'darwin' && existsSync(mac) ? mac : user, 'pip.conf'),
    ...(VIRTUAL_ENV ? [join(VIRTUAL_ENV, 'pip.conf')] : []),
    ...(PIP_CONFIG_FILE ? [PIP_CONFIG_FILE] : []),
  ]
}

/** The settings of a file that hold for every command, and those of `pip download`, which override them. */
function readConfiguration(path: string): [name: string, value: string][] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  const entries = parseIni(text)
  return ['global', 'download'].flatMap(section =>
    entries.filter(entry => entry.section === section).map(({ name, value }): [string, string] => [name, value.trim()]),
  )
}

/** Entries of an INI file as Python's configparser reads them: a value goes on in lines that are indented. */
function parseIni(text: string): { section: string; name: string; value: string }[] {
  const entries: { section: string; name: string; value: string }[] = []
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue
    const [, header] = /^\[(.+)\]/.exec(line) ?? []
    const [, name, value = ''] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? []
    const last = entries.at(-1)
    if (header !== undefined) section = header
    else if (name !== undefined) entries.push({ section, name: name.toLowerCase().replaceAll('_', '-'), value })
    else if (/^\s/.test(line) && last) last.value += `\n${line.trim()}`
  }
  return entries
}
