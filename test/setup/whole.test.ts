// The whole set-up of a clone, in a small one with a stand-in for npm.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { arePackagesInstalled } from '../../scripts/setup/packages.mjs'
import { repository } from '../support/repository.js'
import { useSandbox } from './sandbox.js'

const { inFolder } = useSandbox()

describe('the whole set-up', () => {
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
    fs.cpSync(join(repository, 'scripts/setup'), clone('scripts/setup'), { recursive: true })
    fs.cpSync(join(repository, 'scripts/setup.mjs'), clone('scripts/setup.mjs'))
    fs.cpSync(join(repository, 'src/setup'), clone('src/setup'), {
      recursive: true,
      filter: path => !path.endsWith('.ts'),
    })
    write(clone('vendor/bundle.mjs'), 'export const bundleVendor = async () => []\n')
    write(clone('vendor/bundle-web.mjs'), 'export const bundleWeb = async () => []\n')
    write(clone('src/commands/list.ts'), 'export const allCommands = async () => []\n')
    write(clone('src/commands/declared.ts'), 'export const allDeclared = () => []\n')
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
    fs.mkdirSync(inFolder('bin'))
  })

  const setUp = (...args: string[]) => {
    const env = { PATH: inFolder('bin'), HOME: inFolder(), ELBO_CACHE: inFolder('cache') }
    const { status, stdout, stderr } = spawnSync(process.execPath, [clone('scripts/setup.mjs'), ...args], {
      env,
      encoding: 'utf8',
    })
    return { status, stdout, lines: stderr.split('\n').filter(line => line !== '') }
  }
  const runProgram = () => spawnSync(process.execPath, [clone('dist/cli.js')], { encoding: 'utf8' }).stdout

  test('compiles, says so on stderr only, and has nothing to do the second time', () => {
    const first = setUp()
    expect(first).toMatchObject({ status: 0, stdout: '' })
    expect(first.lines.at(-1)).toBe('elbo: ready: compiled program')
    expect(runProgram()).toBe('first\n')
    expect(setUp()).toEqual({ status: 0, stdout: '', lines: [] })
  })

  test('compiles again after a change, and removes what deleted sources have left', () => {
    setUp()
    expect(fs.existsSync(clone('dist/old.js'))).toBe(true)
    write(clone('src/cli.ts'), 'console.log("second" as string)\n')
    fs.rmSync(clone('src/old.ts'))
    expect(setUp().lines.at(-1)).toBe('elbo: ready: compiled program')
    expect(runProgram()).toBe('second\n')
    expect(fs.existsSync(clone('dist/old.js'))).toBe(false)
  })

  test('fails with the error of the compiler, every time', () => {
    write(clone('src/cli.ts'), 'const x: number = "text"\nconsole.log(x)\n')
    for (let time = 0; time < 2; time++) {
      const { status, lines } = setUp()
      expect(status).toBe(1)
      expect(lines.join('\n')).toMatch(/src\/cli\.ts.*TS2322/)
    }
  })

  test('takes no option but --library', () => {
    expect(setUp('--gpu')).toEqual({
      status: 2,
      stdout: '',
      lines: ["elbo: this script takes only --library, but '--gpu' was given"],
    })
  })

  test('installs the npm packages when they are not the locked ones, and stops in one line when npm cannot', () => {
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
    expect(setUp().lines.at(-1)).toMatch(/^elbo: ready: npm packages, compiled program/)
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
