// Carrying wheels to a machine without a network: whole or in parts, and refused if any part is missing or damaged.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { isWhole } from '../../src/libtensorflow/integrity.js'
import { cachedLibrary } from '../../src/libtensorflow/location.js'
import { type Wheel, wheelFile } from '../../src/libtensorflow/wheels.js'
import { installLibrary } from '../../src/setup/library.js'
import { packedWheel, packWheels } from '../../src/setup/pack.js'
import { useIndexes } from './index-server.js'
import { useSandbox, writeSmallWheel } from './sandbox.js'

const { inFolder } = useSandbox()
const startIndex = useIndexes()

beforeEach(() => {
  delete process.env.ELBO_OFFLINE
})

/** A small wheel in the folder `pack`; its files. */
async function packed(partSize?: number): Promise<{ wheel: Wheel; folder: string; files: string[] }> {
  const wheel = writeSmallWheel(inFolder('small.whl'))
  const { address } = await startIndex(wheel, inFolder('small.whl'))
  process.env.ELBO_MIRROR = address
  const folder = inFolder('pack')
  const files = await packWheels([wheel], folder, partSize)
  process.env.ELBO_OFFLINE = '1'
  return { wheel, folder, files }
}

const unpack = (wheel: Wheel, folder: string) => installLibrary(wheel, one => packedWheel(folder, one))

describe('a pack', () => {
  test('is the wheel with a list, and is installed from without a network', async () => {
    const { wheel, folder, files } = await packed()
    expect(files).toEqual([wheelFile(wheel), 'elbo-pack.json'])
    expect(fs.readdirSync(folder).sort()).toEqual(files.sort())
    await unpack(wheel, folder)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
    expect(fs.readdirSync(folder).sort()).toEqual(files.sort())
  })

  test('is cut into parts of at most the given size, which are joined again', async () => {
    const { wheel, folder, files } = await packed(500)
    const parts = files.slice(0, -1)
    expect(parts).toHaveLength(Math.ceil(wheel.bytes / 500))
    expect(parts[1]).toBe(`${wheelFile(wheel)}.002`)
    for (const part of parts) expect(fs.statSync(join(folder, part)).size).toBeLessThanOrEqual(500)
    await unpack(wheel, folder)
    expect(isWhole(wheel, cachedLibrary(wheel))).toBe(true)
  })

  test('is refused by the name of the file that is missing, damaged, or not a list', async () => {
    const { wheel, folder, files } = await packed(500)
    const second = join(folder, files[1] as string)
    const bytes = fs.readFileSync(second)
    fs.writeFileSync(second, Buffer.alloc(bytes.length))
    await expect(unpack(wheel, folder)).rejects.toThrow(`${second} is damaged (its SHA-256 differs); copy it again`)
    fs.rmSync(second)
    await expect(unpack(wheel, folder)).rejects.toThrow(`${second} is missing`)
    const other = { ...wheel, sha256: '0'.repeat(64) }
    await expect(unpack(other, folder)).rejects.toThrow(
      /has no tensorflow_cpu-.*; pack it on a machine of the same platform/,
    )
    fs.writeFileSync(
      join(folder, 'elbo-pack.json'),
      '{"wheels":[{"sha256":"x","parts":[{"file":"../x","bytes":1,"sha256":"y"}]}]}',
    )
    await expect(unpack(wheel, folder)).rejects.toThrow(/elbo-pack\.json cannot be read \(it has another form\)/)
    fs.rmSync(join(folder, 'elbo-pack.json'))
    await expect(unpack(wheel, folder)).rejects.toThrow(
      /elbo-pack\.json cannot be read \(ENOENT.*\); name a folder that/,
    )
  })
})
