// The set-up: its lock, its unpacking, what it refuses, and the whole of it in a small clone with stand-ins for Python and npm.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkSpace, installLibrary } from '../scripts/setup/library.mjs'
import { withLock } from '../scripts/setup/lock.mjs'
import { arePackagesInstalled } from '../scripts/setup/packages.mjs'
import { unzip } from '../scripts/setup/unzip.mjs'
import { cudaWheels, missingWheels, nvidiaWheels, unsupportedCuda } from '../src/libtensorflow/cuda-build.mjs'
import {
  cachedLibrary,
  isWhole,
  lastFailure,
  platforms,
  unsupportedReason,
  type Wheel,
  wheelFor,
} from '../src/libtensorflow/location.mjs'

const repository = resolve(import.meta.dirname, '..')
const lockModule = pathToFileURL(join(repository, 'scripts/setup/lock.mjs')).href
const libraryModule = pathToFileURL(join(repository, 'scripts/setup/library.mjs')).href

let folder = ''
const children: ChildProcess[] = []

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'elbo-setup-'))
  process.env.ELBO_CACHE = join(folder, 'cache')
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  delete process.env.ELBO_CACHE
  fs.rmSync(folder, { recursive: true, force: true })
})

/** A program that runs the given module text, and has said its first word. */
async function startModule(text: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

async function kill(child: ChildProcess) {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A ZIP archive of deflated files, in memory. */
function zip(files: Record<string, string>): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(8, 4) // deflated
    gzipSync(text).copy(common, 10, gzipSync(text).length - 8) // gzip ends with the CRC-32 and the length
    common.copy(common, 18, 14, 18)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), common, place, Buffer.from(name)]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(centrals.length, 8)
  end.writeUInt16LE(centrals.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

const cc = 'everything else '.repeat(5000)

/** A library of each of NVIDIA's wheels, a header and a program, all in one. */
const nvidiaFiles = Object.fromEntries(
  nvidiaWheels.flatMap(({ root, libraries }) => ['include/x.h', ...libraries].map(path => [`${root}${path}`, path])),
)

/** A wheel with the files of TensorFlow's and NVIDIA's that the set-up unpacks, and a row of the table for it. */
function smallWheel(row: Wheel = platforms[0] as Wheel): { archive: string; wheel: Wheel } {
  const [framework, main] = row.libraries
  const files = { [`tensorflow/${framework}`]: 'framework', [`tensorflow/${main}`]: cc }
  const licences = {
    'tensorflow/include/LICENSE': 'a',
    'tensorflow/THIRD_PARTY_NOTICES.txt': 'b',
    'tensorflow/x.py': '',
    'nvidia/cuda_nvcc/bin/ptxas': 'a program',
    'nvidia.dist-info/licenses/License.txt': 'c',
    ...nvidiaFiles,
  }
  const archive = join(folder, 'small.whl')
  const bytes = zip({ ...files, ...licences })
  fs.writeFileSync(archive, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { archive, wheel: { ...row, sha256, bytes: bytes.length, unpackedBytes: 2 * cc.length } }
}

const entriesOfCache = (wheel: Wheel) => fs.readdirSync(join(cachedLibrary(wheel), '..'))

describe('the lock', () => {
  it('lets one in at a time, and everyone in the end', async () => {
    let inside = 0
    const seen: number[] = []
    const visit = () =>
      withLock(join(folder, 'lock'), async () => {
        seen.push(++inside)
        await sleep(5)
        inside--
      })
    await Promise.all([visit(), visit(), visit(), visit()])
    expect(seen).toEqual([1, 1, 1, 1])
    expect(fs.readdirSync(folder)).toEqual([])
  })

  const holdForever = (path: string, work: string) =>
    startModule(
      `import { withLock } from '${lockModule}'; await withLock('${path}', async guard => { ${work}; console.log('in'); await new Promise(() => setInterval(() => {}, 1000)) })`,
    )

  it('is taken over from a process that was killed', async () => {
    await kill(await holdForever(join(folder, 'lock'), ''))
    expect(await withLock(join(folder, 'lock'), async () => 'in')).toBe('in')
  })

  it('is not taken over while a program that the killed process started goes on', async () => {
    const program = await startModule('console.log(1); setInterval(() => {}, 1000)')
    await kill(await holdForever(join(folder, 'lock'), `guard(${program.pid})`))
    let isIn = false
    const waiting = withLock(join(folder, 'lock'), async () => {
      isIn = true
    })
    await sleep(500)
    expect(isIn).toBe(false)
    await kill(program)
    await waiting
    expect(isIn).toBe(true)
  })

  it('is taken over when a power failure has emptied it', async () => {
    fs.mkdirSync(join(folder, 'lock'))
    fs.writeFileSync(join(folder, 'lock', 'owner'), '')
    expect(await withLock(join(folder, 'lock'), async () => 'in')).toBe('in')
  })

  it('is taken over from another machine only when that has long been silent', async () => {
    const file = join(folder, 'lock', 'owner')
    fs.mkdirSync(join(folder, 'lock'))
    fs.writeFileSync(file, JSON.stringify({ pids: [1], host: 'another.machine' }))
    let isIn = false
    const waiting = withLock(join(folder, 'lock'), async () => {
      isIn = true
    })
    await sleep(500)
    expect(isIn).toBe(false)
    fs.utimesSync(file, 0, 0)
    await waiting
  })
})

describe('unpacking', () => {
  const unpack = (bytes: Buffer, name = 'b/c') => {
    fs.writeFileSync(join(folder, 'a.whl'), bytes)
    return unzip(join(folder, 'a.whl'), new Map([[name, join(folder, 'out')]]))
  }

  it('writes the file that is asked for', async () => {
    await unpack(zip({ a: 'no', 'b/c': cc, d: 'no' }))
    expect(fs.readFileSync(join(folder, 'out'), 'utf8')).toBe(cc)
  })

  it('refuses an archive that was cut short, wherever', async () => {
    const whole = zip({ 'b/c': cc })
    for (const length of [0, 10, 100, whole.length - 23, whole.length - 1]) {
      await expect(unpack(whole.subarray(0, length))).rejects.toThrow(/a\.whl is damaged: it is cut short/)
    }
  })

  it('refuses a file with the wrong CRC-32, and one that does not inflate', async () => {
    const wrong = zip({ 'b/c': cc })
    const central = wrong.indexOf('PK\x01\x02')
    wrong.writeUInt32LE(wrong.readUInt32LE(central + 16) ^ 1, central + 16)
    await expect(unpack(wrong)).rejects.toThrow(/b\/c has the wrong CRC-32/)
    const broken = zip({ 'b/c': cc })
    broken.fill(0xff, 33, 40)
    fs.rmSync(join(folder, 'out'))
    await expect(unpack(broken)).rejects.toThrow(/b\/c cannot be inflated/)
  })

  it('refuses an archive without the file', async () => {
    await expect(unpack(zip({ a: '' }))).rejects.toThrow(/it has no b\/c/)
  })
})

describe('installing the library', () => {
  it('leaves the libraries, the licences and their sizes, and nothing else', async () => {
    const { archive, wheel } = smallWheel()
    await installLibrary(wheel, async () => ({ archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
    expect(fs.readFileSync(join(cachedLibrary(wheel), wheel.libraries[1] as string), 'utf8')).toBe(cc)
    expect(fs.readdirSync(cachedLibrary(wheel))).toHaveLength(5)
    expect(entriesOfCache(wheel)).toHaveLength(1)
  })

  it('takes nothing from a wheel that is not the pinned one', async () => {
    const { archive, wheel } = smallWheel()
    fs.appendFileSync(archive, 'x')
    await expect(installLibrary(wheel, async () => ({ archive }))).rejects.toThrow(/SHA-256 differs/)
    expect(entriesOfCache(wheel)).toEqual([])
  })

  it('starts anew after it was killed, and clears what that left', async () => {
    const { archive, wheel } = smallWheel()
    const killed = await startModule(
      `import { installLibrary } from '${libraryModule}'; await installLibrary(${JSON.stringify(wheel)}, async () => { console.log('in'); await new Promise(() => setInterval(() => {}, 1000)) })`,
    )
    await kill(killed)
    expect(entriesOfCache(wheel)).toHaveLength(2)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(false)
    await installLibrary(wheel, async () => ({ archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
    expect(entriesOfCache(wheel)).toHaveLength(1)
  })

  it('replaces a library that has lost bytes', async () => {
    const { archive, wheel } = smallWheel()
    await installLibrary(wheel, async () => ({ archive }))
    fs.truncateSync(join(cachedLibrary(wheel), wheel.libraries[1] as string), 100)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(false)
    await installLibrary(wheel, async () => ({ archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
  })

  it('fetches once for two who want it at the same time', async () => {
    const { archive, wheel } = smallWheel()
    let fetches = 0
    const fetch = async () => {
      fetches++
      return { archive }
    }
    await Promise.all([installLibrary(wheel, fetch), installLibrary(wheel, fetch)])
    expect(fetches).toBe(1)
  })

  it("takes from NVIDIA's wheels the libraries, the programs, which can be run, and the licence, but no headers", async () => {
    const row = nvidiaWheels.find(({ package: name }) => name === 'nvidia-cuda-nvcc-cu12') as Wheel
    const { archive, wheel } = smallWheel({ ...(platforms[0] as Wheel) })
    const nvcc = { ...row, sha256: wheel.sha256 }
    await installLibrary(nvcc, async () => ({ archive }))
    expect(isWhole(nvcc, cachedLibrary(nvcc))).toBe(true)
    expect(fs.readdirSync(cachedLibrary(nvcc)).sort()).toEqual(['License.txt', 'bin', 'complete.json'])
    fs.accessSync(join(cachedLibrary(nvcc), 'bin/ptxas'), fs.constants.X_OK)
    fs.truncateSync(join(cachedLibrary(nvcc), 'bin/ptxas'), 1)
    expect(isWhole(nvcc, cachedLibrary(nvcc))).toBe(false)
  })

  it('says how much room it needs, how much there is, and where', async () => {
    const disk = async () => ({ bavail: 100_000, bsize: 4096 })
    await expect(checkSpace('/the/cache', 409_600_001, disk)).rejects.toThrow(
      /takes 0\.4 GB on the disk of \/the\/cache, and 0\.4 GB are free; .*ELBO_CACHE/,
    )
    await expect(checkSpace('/the/cache', 409_600_000, disk)).resolves.toBeUndefined()
  })
})

describe('a machine that cannot run the library', () => {
  const able = { platform: 'linux-x64', glibc: '2.36', cpuFlags: ['sse2', 'avx'] }
  const reason = (change: object) => unsupportedReason({ ...able, ...change })

  it('is told by its platform, C library and CPU', () => {
    expect(reason({ platform: 'win32-x64' })?.reason).toMatch(/no TensorFlow 2\.21\.0 library for win32-x64/)
    expect(reason({ platform: 'win32-x64' })?.fix).toMatch(/WSL/)
    expect(reason({ glibc: undefined })?.reason).toMatch(/musl/)
    expect(reason({ glibc: '2.17' })?.reason).toMatch(/glibc 2\.27, and this system has 2\.17/)
    expect(reason({ cpuFlags: ['sse2'] })?.reason).toMatch(/AVX/)
  })

  it('is not one that has all it takes', () => {
    expect(reason({})).toBeUndefined()
    expect(reason({ glibc: '2.27' })).toBeUndefined()
    expect(reason({ glibc: '3.0' })).toBeUndefined()
    expect(reason({ platform: 'linux-arm64', cpuFlags: [] })).toBeUndefined()
    expect(unsupportedReason({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })).toBeUndefined()
  })

  it('has no CUDA build unless it is a Linux x64 that can run the other one', () => {
    expect(unsupportedCuda(able)).toBeUndefined()
    expect(unsupportedCuda({ ...able, glibc: '2.17' })?.reason).toMatch(/glibc 2\.27/)
    const mac = unsupportedCuda({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })
    expect(mac?.reason).toMatch(/no CUDA build of TensorFlow 2\.21\.0 for darwin-arm64/)
    expect(unsupportedCuda({ ...able, platform: 'win32-x64' })?.fix).toMatch(/WSL/)
  })
})

const skipped = unsupportedReason() ? ` (skipped: ${unsupportedReason()?.reason})` : ''

describe.skipIf(skipped !== '')(`the whole set-up${skipped}`, () => {
  const clone = (...path: string[]) => join(folder, 'clone', ...path)
  const write = (path: string, content: unknown) => {
    fs.mkdirSync(join(path, '..'), { recursive: true })
    fs.writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  const writeProgram = (name: string, body: string) => {
    write(join(folder, 'bin', name), `#!${process.execPath}\n${body}`)
    fs.chmodSync(join(folder, 'bin', name), 0o755)
  }
  const packages = {
    '': {},
    'node_modules/typescript': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'], cpu: ['ppc64'] },
  }
  const { 'node_modules/elsewhere': _, ...installed } = packages

  beforeEach(() => {
    const { wheel } = smallWheel(wheelFor())
    const location = fs.readFileSync(join(repository, 'src/libtensorflow/location.mjs'), 'utf8')
    const small = location
      .replace(/sha256: '.*'/g, `sha256: '${wheel.sha256}'`)
      .replace(/unpackedBytes: \S+/g, 'unpackedBytes: 1,')
    write(clone('src/libtensorflow/location.mjs'), small)
    const cuda = fs.readFileSync(join(repository, 'src/libtensorflow/cuda-build.mjs'), 'utf8')
    const smallCuda = cuda.replace(/'[0-9a-f]{64}'/g, `'${wheel.sha256}'`).replace(/\b\d{1,3}(_\d{3})+/g, '1')
    write(clone('src/libtensorflow/cuda-build.mjs'), smallCuda)
    fs.cpSync(join(repository, 'scripts/setup'), clone('scripts/setup'), { recursive: true })
    fs.cpSync(join(repository, 'scripts/setup.mjs'), clone('scripts/setup.mjs'))
    write(clone('src/cli.ts'), 'console.log("first" as string)\n')
    write(clone('src/old.ts'), 'export const old = 1\n')
    write(clone('package.json'), { type: 'module' })
    write(clone('package-lock.json'), { packages })
    write(clone('tsconfig.json'), {
      compilerOptions: {
        module: 'nodenext',
        allowJs: true,
        skipLibCheck: true,
        types: [],
        rootDir: 'src',
        outDir: 'dist',
      },
      include: ['src'],
    })
    write(clone('node_modules/.package-lock.json'), { packages: installed })
    fs.symlinkSync(join(repository, 'node_modules/typescript'), clone('node_modules/typescript'))
    fs.mkdirSync(join(folder, 'bin'))
  })

  /** A pip that fetches the small wheel, whatever it is asked for, but for the package `failing`. */
  const providePython = (failing = 'none') =>
    writeProgram(
      'python3',
      `const fs = require('node:fs')
      if (process.argv.includes('--version')) console.log('pip 24.0 from /somewhere (python 3.12)')
      else {
        const requirement = process.argv.at(-1)
        fs.appendFileSync('${join(folder, 'fetched')}', requirement + '\\n')
        if (requirement.startsWith('${failing}==')) { console.log('ERROR: Connection broken: timed out'); process.exit(1) }
        const folder = process.argv.find(argument => argument.startsWith('--dest=')).slice('--dest='.length)
        fs.mkdirSync(folder)
        fs.copyFileSync('${join(folder, 'small.whl')}', folder + '/tensorflow.whl')
      }`,
    )

  const setUp = (...args: string[]) => {
    const env = { PATH: join(folder, 'bin'), HOME: folder, ELBO_CACHE: join(folder, 'cache') }
    const { status, stdout, stderr } = spawnSync(process.execPath, [clone('scripts/setup.mjs'), ...args], {
      env,
      encoding: 'utf8',
    })
    return { status, stdout, lines: stderr.split('\n').filter(line => line !== '') }
  }
  const runProgram = () => spawnSync(process.execPath, [clone('dist/cli.js')], { encoding: 'utf8' }).stdout

  it('fetches the library and compiles, says so on stderr only, and has nothing to do the second time', () => {
    providePython()
    const first = setUp()
    expect(first).toMatchObject({ status: 0, stdout: '' })
    expect(first.lines.at(-1)).toBe('elbo: ready: native TensorFlow 2.21.0, compiled program')
    expect(runProgram()).toBe('first\n')
    expect(lastFailure()).toBeUndefined()
    expect(setUp()).toEqual({ status: 0, stdout: '', lines: [] })
  })

  it('compiles again after a change, and removes what deleted sources have left', () => {
    providePython()
    setUp()
    expect(fs.existsSync(clone('dist/old.js'))).toBe(true)
    write(clone('src/cli.ts'), 'console.log("second" as string)\n')
    fs.rmSync(clone('src/old.ts'))
    expect(setUp().lines.at(-1)).toBe('elbo: ready: compiled program')
    expect(runProgram()).toBe('second\n')
    expect(fs.existsSync(clone('dist/old.js'))).toBe(false)
  })

  it('fails with the error of the compiler, every time', () => {
    providePython()
    write(clone('src/cli.ts'), 'const x: number = "text"\nconsole.log(x)\n')
    for (let time = 0; time < 2; time++) {
      const { status, lines } = setUp()
      expect(status).toBe(1)
      expect(lines.join('\n')).toMatch(/src\/cli\.ts.*TS2322/)
    }
  })

  const fetched = () => {
    const names = fs.readFileSync(join(folder, 'fetched'), 'utf8').trim().split('\n')
    fs.rmSync(join(folder, 'fetched'))
    return names.map(name => name.split('==')[0])
  }
  const packagesOf = (wheels: readonly Wheel[]) => wheels.map(({ package: name }) => name)

  const skippedCuda = unsupportedCuda() ? ` (skipped: ${unsupportedCuda()?.reason})` : ''

  it.skipIf(skippedCuda !== '')(
    `with --cuda fetches the CUDA build too, and after a failure only the rest of it${skippedCuda}`,
    () => {
      providePython('nvidia-cublas-cu12')
      const cut = setUp('--cuda')
      expect(cut.status).toBe(1)
      expect(cut.lines.at(-1)).toMatch(/^elbo: the Python package index cannot be reached \(.*\); check the network/)
      const before = packagesOf(cudaWheels).slice(0, packagesOf(cudaWheels).indexOf('nvidia-cublas-cu12') + 1)
      expect(fetched()).toEqual(['tensorflow-cpu', ...before])
      providePython()
      const rest = setUp('--cuda')
      expect(rest.status).toBe(0)
      expect(rest.lines[0]).toMatch(
        `the CUDA build of TensorFlow: ${cudaWheels.length - before.length + 1} wheels to fetch`,
      )
      expect(rest.lines.at(-1)).toBe('elbo: ready: TensorFlow 2.21.0 for CUDA, compiled program')
      expect(fetched()).toEqual(packagesOf(cudaWheels).slice(before.length - 1))
      expect(setUp('--cuda')).toEqual({ status: 0, stdout: '', lines: [] })
      // The wheels here are smaller than the pinned ones, and so no part of the build that the program would load.
      expect(missingWheels()).toHaveLength(cudaWheels.length)
    },
  )

  it('without --cuda fetches nothing of the CUDA build, and takes no other option', () => {
    providePython()
    expect(setUp().status).toBe(0)
    expect(fetched()).toHaveLength(1)
    expect(setUp('--gpu')).toEqual({
      status: 2,
      stdout: '',
      lines: ["elbo: the set-up takes --cuda or nothing, and was given '--gpu'"],
    })
  })

  it('goes on without Python in one line that names the reason and the fix, and remembers it until it is mended', () => {
    writeProgram('python3', 'console.error("python3: no such version"); process.exit(127)')
    const { status, stdout, lines } = setUp()
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(lines.filter(line => line.includes('TensorFlow'))).toEqual([
      expect.stringMatching(/neither a working Python 3 with pip nor uv; install Python 3/),
    ])
    expect(runProgram()).toBe('first\n')
    expect(lastFailure()?.reason).toMatch(/pip or uv/)
    expect(lastFailure()?.fix).toMatch(/apt install python3-pip/)
    providePython()
    expect(setUp().lines.at(-1)).toBe('elbo: ready: native TensorFlow 2.21.0')
    expect(lastFailure()).toBeUndefined()
  })

  it('goes on in one line when the cache cannot be written', () => {
    fs.writeFileSync(join(folder, 'cache'), 'a file where a directory should be')
    const { status, lines } = setUp()
    expect(status).toBe(0)
    expect(lines[0]).toMatch(/the cache cannot be written .*; set ELBO_CACHE to another directory/)
    expect(lastFailure()).toBeUndefined()
  })

  it('installs the npm packages when they are not the locked ones, and stops in one line when npm cannot', () => {
    providePython()
    expect(arePackagesInstalled(clone())).toBe(true)
    fs.rmSync(clone('node_modules/.package-lock.json'))
    writeProgram('npm', 'console.error("npm error code ENOTFOUND\\nnpm error reason: no such host"); process.exit(1)')
    const refused = setUp()
    expect(refused.status).toBe(1)
    expect(refused.lines.at(-1)).toMatch(
      /npm packages cannot be installed \(ENOTFOUND: no such host\); check the network/,
    )
    expect(fs.existsSync(clone('dist/cli.js'))).toBe(false)
    const list = JSON.stringify({ packages: installed })
    writeProgram('npm', `require('node:fs').writeFileSync('node_modules/.package-lock.json', '${list}')`)
    expect(setUp().lines.at(-1)).toMatch(/^elbo: ready: npm packages, native TensorFlow/)
  })

  it('finds packages missing that are of another version, or for this very platform', () => {
    const other = { ...installed, 'node_modules/typescript': { version: '1.0.1', integrity: 'sha512-x' } }
    write(clone('node_modules/.package-lock.json'), { packages: other })
    expect(arePackagesInstalled(clone())).toBe(false)
    write(clone('node_modules/.package-lock.json'), { packages: installed })
    const here = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] }
    write(clone('package-lock.json'), { packages: { ...packages, 'node_modules/native': here } })
    expect(arePackagesInstalled(clone())).toBe(false)
  })
})
