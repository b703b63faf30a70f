// Installing the library from a wheel: all of it or nothing, once for all who want it, and only from the pinned wheel.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nvidiaWheels } from '../../src/libtensorflow/cuda-build.js'
import { isWhole } from '../../src/libtensorflow/integrity.js'
import { cachedLibrary, failureFile, lastFailure } from '../../src/libtensorflow/location.js'
import type { Wheel } from '../../src/libtensorflow/wheels.js'
import { checkSpace, installLibrary } from '../../src/setup/library.js'
import { forever, kill, libraryText, setupModule, useSandbox, writeSmallWheel } from './sandbox.js'

const { inFolder, startModule } = useSandbox()

function smallWheel(): { archive: string; wheel: Wheel } {
  const archive = inFolder('small.whl')
  return { archive, wheel: writeSmallWheel(archive) }
}

const entriesOfCache = (wheel: Wheel) => fs.readdirSync(join(cachedLibrary(wheel), '..'))

describe('installing the library', () => {
  test('leaves the libraries, the licences, their sizes and digests, and nothing else', async () => {
    const { archive, wheel } = smallWheel()
    await installLibrary(wheel, async () => ({ path: archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
    expect(fs.readFileSync(join(cachedLibrary(wheel), wheel.libraries[1] as string), 'utf8')).toBe(libraryText)
    expect(fs.readdirSync(cachedLibrary(wheel))).toHaveLength(6)
    expect(entriesOfCache(wheel)).toHaveLength(1)
  })

  test('takes nothing from a wheel that is not the pinned one', async () => {
    const { archive, wheel } = smallWheel()
    fs.appendFileSync(archive, 'x')
    await expect(installLibrary(wheel, async () => ({ path: archive }))).rejects.toThrow(/SHA-256 differs/)
    expect(entriesOfCache(wheel)).toEqual([])
  })

  test('starts again after it was killed, and removes what was left', async () => {
    const { archive, wheel } = smallWheel()
    const killed = await startModule(
      `import { installLibrary } from '${setupModule('library.js')}'; await installLibrary(${JSON.stringify(wheel)}, async () => { console.log('in'); ${forever} })`,
    )
    await kill(killed)
    fs.mkdirSync(`${cachedLibrary(wheel)}.partial-1`) // what it leaves if it is killed while it unpacks
    expect(entriesOfCache(wheel)).toHaveLength(2)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(false)
    await installLibrary(wheel, async () => ({ path: archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
    expect(entriesOfCache(wheel)).toHaveLength(1)
  })

  test('replaces a library that has lost bytes', async () => {
    const { archive, wheel } = smallWheel()
    await installLibrary(wheel, async () => ({ path: archive }))
    fs.truncateSync(join(cachedLibrary(wheel), wheel.libraries[1] as string), 100)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(false)
    await installLibrary(wheel, async () => ({ path: archive }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
  })

  test.each([
    ['no list of files', { files: undefined }],
    ['a list that is none', { files: 'one' }],
    ['a name that no file can have', { files: { 'a\0': 1 } }],
  ])('is not whole with %s in complete.json', async (_name, change) => {
    const { archive, wheel } = smallWheel()
    await installLibrary(wheel, async () => ({ path: archive }))
    const list = join(cachedLibrary(wheel), 'complete.json')
    const content = JSON.parse(fs.readFileSync(list, 'utf8'))
    const files = typeof change.files === 'object' ? { ...content.files, ...change.files } : change.files
    fs.writeFileSync(list, JSON.stringify({ ...content, files }))
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(false)
  })

  test.each([null, 'text', { reason: 1, fix: 'x' }, { reason: 'x' }])(
    'a damaged record of its last failure, %j, is none',
    content => {
      const { wheel } = smallWheel()
      fs.mkdirSync(join(failureFile(wheel), '..'), { recursive: true })
      fs.writeFileSync(failureFile(wheel), JSON.stringify(content))
      expect(lastFailure(wheel)).toBeUndefined()
    },
  )

  test('fetches once if two ask for it at the same time', async () => {
    const { archive, wheel } = smallWheel()
    let fetches = 0
    const fetch = async () => {
      fetches++
      return { path: archive }
    }
    await Promise.all([installLibrary(wheel, fetch), installLibrary(wheel, fetch)])
    expect(fetches).toBe(1)
  })

  test("takes from NVIDIA's wheels the libraries, the programs, which can be run, and the licence, but no headers", async () => {
    const row = nvidiaWheels.find(({ package: name }) => name === 'nvidia-cuda-nvcc-cu12') as Wheel
    const { archive, wheel } = smallWheel()
    const nvcc = { ...row, sha256: wheel.sha256 }
    await installLibrary(nvcc, async () => ({ path: archive }))
    expect(isWhole(nvcc, cachedLibrary(nvcc))).toBe(true)
    expect(fs.readdirSync(cachedLibrary(nvcc)).sort()).toEqual(['License.txt', 'bin', 'complete.json', 'verified.json'])
    fs.accessSync(join(cachedLibrary(nvcc), 'bin/ptxas'), fs.constants.X_OK)
    fs.truncateSync(join(cachedLibrary(nvcc), 'bin/ptxas'), 1)
    expect(isWhole(nvcc, cachedLibrary(nvcc))).toBe(false)
  })

  test('is refused where the disk is too full, with the space needed and the space free', async () => {
    const disk = async () => ({ bavail: 100_000, bsize: 4096 })
    await expect(checkSpace('/the/cache', 409_600_001, disk)).rejects.toThrow(
      /takes 0\.4 GB on the disk of \/the\/cache, and 0\.4 GB are free; .*ELBO_CACHE/,
    )
    await expect(checkSpace('/the/cache', 409_600_000, disk)).resolves.toBeUndefined()
  })
})
