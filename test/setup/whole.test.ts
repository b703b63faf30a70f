// The whole set-up, in a small clone with stand-ins for Python and npm.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { arePackagesInstalled } from '../../scripts/setup/packages.mjs'
import { cudaWheels, missingWheels, unsupportedCuda } from '../../src/libtensorflow/cuda-build.mjs'
import { lastFailure, unsupportedReason, type Wheel, wheelFor } from '../../src/libtensorflow/location.mjs'
import { repository } from '../support/repository.js'
import { useSandbox, writeSmallWheel } from './sandbox.js'

const { inFolder } = useSandbox()

const skipped = unsupportedReason() ? ` (skipped: ${unsupportedReason()?.reason})` : ''

describe.skipIf(skipped !== '')(`the whole set-up${skipped}`, () => {
  const clone = (...path: string[]) => inFolder('clone', ...path)
  const write = (path: string, content: unknown) => {
    fs.mkdirSync(join(path, '..'), { recursive: true })
    fs.writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  const writeProgram = (name: string, body: string) => {
    write(inFolder('bin', name), `#!${process.execPath}\n${body}`)
    fs.chmodSync(inFolder('bin', name), 0o755)
  }
  const packages = {
    '': {},
    'node_modules/typescript': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'], cpu: ['ppc64'] },
  }
  const { 'node_modules/elsewhere': _, ...installed } = packages

  beforeEach(() => {
    const wheel = writeSmallWheel(inFolder('small.whl'), wheelFor())
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
    for (const name of ['typescript', 'yauzl'])
      fs.symlinkSync(join(repository, 'node_modules', name), clone('node_modules', name))
    fs.mkdirSync(inFolder('bin'))
  })

  /** A pip that fetches the small wheel, whatever it is asked for, but for the package `failing`. */
  const providePython = (failing = 'none') =>
    writeProgram(
      'python3',
      `const fs = require('node:fs')
      if (process.argv.includes('--version')) console.log('pip 24.0 from /somewhere (python 3.12)')
      else {
        const requirement = process.argv.at(-1)
        fs.appendFileSync('${inFolder('fetched')}', requirement + '\\n')
        if (requirement.startsWith('${failing}==')) { console.log('ERROR: Connection broken: timed out'); process.exit(1) }
        const folder = process.argv.find(argument => argument.startsWith('--dest=')).slice('--dest='.length)
        fs.mkdirSync(folder)
        fs.copyFileSync('${inFolder('small.whl')}', folder + '/tensorflow.whl')
      }`,
    )

  const setUp = (...args: string[]) => {
    const env = { PATH: inFolder('bin'), HOME: inFolder(), ELBO_CACHE: inFolder('cache') }
    const { status, stdout, stderr } = spawnSync(process.execPath, [clone('scripts/setup.mjs'), ...args], {
      env,
      encoding: 'utf8',
    })
    return { status, stdout, lines: stderr.split('\n').filter(line => line !== '') }
  }
  const runProgram = () => spawnSync(process.execPath, [clone('dist/cli.js')], { encoding: 'utf8' }).stdout

  test('fetches the library and compiles, says so on stderr only, and has nothing to do the second time', () => {
    providePython()
    const first = setUp()
    expect(first).toMatchObject({ status: 0, stdout: '' })
    expect(first.lines.at(-1)).toBe('elbo: ready: native TensorFlow 2.21.0, compiled program')
    expect(runProgram()).toBe('first\n')
    expect(lastFailure()).toBeUndefined()
    expect(setUp()).toEqual({ status: 0, stdout: '', lines: [] })
  })

  test('compiles again after a change, and removes what deleted sources have left', () => {
    providePython()
    setUp()
    expect(fs.existsSync(clone('dist/old.js'))).toBe(true)
    write(clone('src/cli.ts'), 'console.log("second" as string)\n')
    fs.rmSync(clone('src/old.ts'))
    expect(setUp().lines.at(-1)).toBe('elbo: ready: compiled program')
    expect(runProgram()).toBe('second\n')
    expect(fs.existsSync(clone('dist/old.js'))).toBe(false)
  })

  test('fails with the error of the compiler, every time', () => {
    providePython()
    write(clone('src/cli.ts'), 'const x: number = "text"\nconsole.log(x)\n')
    for (let time = 0; time < 2; time++) {
      const { status, lines } = setUp()
      expect(status).toBe(1)
      expect(lines.join('\n')).toMatch(/src\/cli\.ts.*TS2322/)
    }
  })

  const fetched = () => {
    const names = fs.readFileSync(inFolder('fetched'), 'utf8').trim().split('\n')
    fs.rmSync(inFolder('fetched'))
    return names.map(name => name.split('==')[0])
  }
  const packagesOf = (wheels: readonly Wheel[]) => wheels.map(({ package: name }) => name)

  const skippedCuda = unsupportedCuda() ? ` (skipped: ${unsupportedCuda()?.reason})` : ''

  test.skipIf(skippedCuda !== '')(
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

  test('without --cuda fetches nothing of the CUDA build, and takes no other option', () => {
    providePython()
    expect(setUp().status).toBe(0)
    expect(fetched()).toHaveLength(1)
    expect(setUp('--gpu')).toEqual({
      status: 2,
      stdout: '',
      lines: ["elbo: the set-up takes only --cuda, but '--gpu' was given"],
    })
  })

  test('goes on without Python in one line that names the reason and the fix, and remembers it until it is mended', () => {
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

  test('goes on in one line when the cache cannot be written', () => {
    fs.writeFileSync(inFolder('cache'), 'a file where a directory should be')
    const { status, lines } = setUp()
    expect(status).toBe(0)
    expect(lines[0]).toMatch(/the cache cannot be written .*; set ELBO_CACHE to another directory/)
    expect(lastFailure()).toBeUndefined()
  })

  test('installs the npm packages when they are not the locked ones, and stops in one line when npm cannot', () => {
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

  test('finds packages missing that are of another version, or for this very platform', () => {
    const other = { ...installed, 'node_modules/typescript': { version: '1.0.1', integrity: 'sha512-x' } }
    write(clone('node_modules/.package-lock.json'), { packages: other })
    expect(arePackagesInstalled(clone())).toBe(false)
    write(clone('node_modules/.package-lock.json'), { packages: installed })
    const here = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] }
    write(clone('package-lock.json'), { packages: { ...packages, 'node_modules/native': here } })
    expect(arePackagesInstalled(clone())).toBe(false)
  })
})
