// Damage to an installed library is found before it is loaded, and a folder that others may change is not used.
import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { damageOf, isWhole } from '../../src/libtensorflow/integrity.js'
import { cacheDirectory, cachedLibrary, cacheProblem } from '../../src/libtensorflow/location.js'
import type { Wheel } from '../../src/libtensorflow/wheels.js'
import { installLibrary } from '../../src/setup/library.js'
import { useSandbox, writeSmallWheel } from './sandbox.js'

const { inFolder } = useSandbox()

async function installed(): Promise<{ wheel: Wheel; folder: string; library: string }> {
  const path = inFolder('small.whl')
  const wheel = writeSmallWheel(path)
  await installLibrary(wheel, async () => ({ path }))
  const folder = cachedLibrary(wheel)
  return { wheel, folder, library: join(folder, wheel.libraries[1] as string) }
}

/** Changes a byte of a file and keeps its size. */
function damage(path: string): void {
  const file = fs.openSync(path, 'r+')
  fs.writeSync(file, 'X', 100)
  fs.closeSync(file)
}

describe('a library', () => {
  test('with the right size and wrong bytes is not whole, at every look', async () => {
    const { wheel, folder, library } = await installed()
    fs.utimesSync(library, 0, 0) // so that the second of the change is another one
    expect(isWhole(wheel, folder)).toBe(true)
    damage(library)
    for (let look = 0; look < 2; look++) expect(isWhole(wheel, folder)).toBe(false)
    expect(damageOf(wheel, folder)).toMatch(/^libtensorflow_cc.* has other bytes than in the wheel$/)
  })

  test('whose bytes were changed behind the times of the file is found by reading all of it', async () => {
    const { wheel, folder, library } = await installed()
    const { atime, mtime } = fs.statSync(library)
    damage(library)
    fs.utimesSync(library, atime, mtime)
    expect(damageOf(wheel, folder)).toMatch(/has other bytes/)
    fs.rmSync(join(folder, 'verified.json'))
    expect(isWhole(wheel, folder)).toBe(false)
  })

  test('of which a copy was made is verified once, and then known', async () => {
    const { wheel, folder } = await installed()
    fs.cpSync(folder, inFolder('copy'), { recursive: true })
    const before = fs.readFileSync(join(inFolder('copy'), 'verified.json'), 'utf8')
    expect(isWhole(wheel, inFolder('copy'))).toBe(true)
    const after = fs.readFileSync(join(inFolder('copy'), 'verified.json'), 'utf8')
    expect(after).not.toBe(before)
    expect(isWhole(wheel, inFolder('copy'))).toBe(true)
    expect(fs.readFileSync(join(inFolder('copy'), 'verified.json'), 'utf8')).toBe(after)
  })

  test('of a version that recorded no digests is checked against the pinned ones', async () => {
    const { wheel, folder } = await installed()
    const { sha256, files } = JSON.parse(fs.readFileSync(join(folder, 'complete.json'), 'utf8'))
    fs.writeFileSync(join(folder, 'complete.json'), JSON.stringify({ sha256, files }))
    fs.rmSync(join(folder, 'verified.json'))
    expect(isWhole(wheel, folder)).toBe(true)
    fs.rmSync(join(folder, 'verified.json'))
    expect(isWhole({ ...wheel, digests: { [wheel.libraries[0] as string]: '0'.repeat(64) } }, folder)).toBe(false)
  })

  test.each(['null', '{}', '[1]', '{"files":null}', 'x'])('whose complete.json is %s is not whole', async text => {
    const { wheel, folder } = await installed()
    fs.writeFileSync(join(folder, 'complete.json'), text)
    expect(isWhole(wheel, folder)).toBe(false)
    expect(damageOf(wheel, folder)).toMatch(/complete\.json/)
  })
})

describe('the cache', () => {
  const environment = { ...process.env }
  afterEach(() => {
    process.env = { ...environment }
  })

  test('needs a home, and is never a folder below the current one', () => {
    delete process.env.ELBO_CACHE
    delete process.env.XDG_CACHE_HOME
    process.env.HOME = ''
    expect(cacheProblem()).toMatchObject({
      reason: expect.stringMatching(/^HOME is empty/),
      fix: expect.stringMatching(/ELBO_CACHE/),
    })
    expect(() => cacheDirectory()).toThrow(/HOME is empty.*set HOME/)
    process.env.HOME = environment.HOME
    process.env.XDG_CACHE_HOME = 'relative'
    expect(cacheDirectory().startsWith(homedir())).toBe(true)
  })

  test('is not used where every user may write', async () => {
    const { wheel, folder } = await installed()
    expect(cacheProblem(wheel)).toBeUndefined()
    for (const path of [cacheDirectory(), folder, join(folder, wheel.libraries[0] as string)]) {
      const { mode } = fs.statSync(path)
      fs.chmodSync(path, mode | 0o002)
      expect(cacheProblem(wheel)).toMatchObject({
        reason: expect.stringContaining(`every user may write to ${path}`),
        fix: expect.stringContaining(`chmod o-w ${path}`),
      })
      fs.chmodSync(path, mode)
    }
  })

  const skipped = process.getuid?.() === 0 ? '' : ' (skipped: only root may give a folder to another user)'

  test.skipIf(skipped !== '')(`is not used if it belongs to another user${skipped}`, () => {
    fs.mkdirSync(cacheDirectory())
    fs.chownSync(cacheDirectory(), 12345, 12345)
    expect(cacheProblem()?.reason).toMatch(/belongs to another user \(12345\)/)
  })
})
