/** Archives of NumPy arrays: Keras's `mnist.npz`, KMNIST's `kmnist-train-imgs.npz`, dSprites, MedMNIST, or any other by `--key`. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { shortened } from '../../settings/setting.js'
import { type ImageArray, openArrays } from './arrays.js'
import type { ByteSource } from './bytes.js'
import { labelsOf, type ReadLabels, withoutLabels } from './labels.js'
import { listOfNames, namedParts } from './named-arrays.js'
import { npyArray, npyLayout } from './npy-array.js'
import type { OpenedSource, PartName, Reader, ReadOptions, Warning } from './reader.js'
import { zipMembers } from './zip.js'

export const npz: Reader = {
  name: 'NumPy archive (.npz)',
  recognises: ({ path, isFolder, start }) =>
    isFolder ? readdirSync(path).some(name => KMNIST.test(name)) : isZipOfArrays(start) || /\.npz$/i.test(path),
  async open(path, options, { isFolder, isGzipped }) {
    if (isFolder) return openParts(await partsInFolder(path), options)
    if (isGzipped) throw new Error(`${path}: a gzipped archive; unpack it once`)
    return openParts(await partsIn(path, options.key), options)
  },
}

const KMNIST = /^(.+)-(train|test)-imgs\.npz$/

interface NamedBytes {
  /** For errors. */
  readonly name: string
  readonly bytes: ByteSource
}

interface PartArrays {
  readonly images: NamedBytes
  readonly labels: NamedBytes | undefined
  readonly files: readonly string[]
}

type Parts = Partial<Record<PartName, PartArrays>>

/** A zip archive whose first member is an array. */
function isZipOfArrays(start: Uint8Array): boolean {
  const bytes = Buffer.from(start)
  if (bytes.length < 30 || bytes.readUInt32LE() !== 0x04034b50) return false
  return bytes.toString('latin1', 30, 30 + bytes.readUInt16LE(26)).endsWith('.npy')
}

/** The arrays of an archive by their names without `.npy`. */
async function arraysIn(path: string): Promise<Map<string, () => ByteSource>> {
  const members = [...(await zipMembers(path))].filter(([name]) => name.endsWith('.npy'))
  return new Map(members.map(([name, bytes]) => [name.slice(0, -'.npy'.length), bytes]))
}

/** KMNIST's archives hold one array each; the labels have an archive of their own beside. */
async function partsInFolder(folder: string): Promise<Parts> {
  const names = readdirSync(folder).filter(name => KMNIST.test(name))
  const sets = [...new Set(names.map(name => name.replace(KMNIST, '$1')))]
  if (sets.length > 1)
    throw new Error(`${folder}: several sets of images (${sets.join(', ')}); name two files, TRAIN,TEST`)
  const parts: Parts = {}
  for (const part of ['train', 'test'] as const) {
    const name = `${sets[0]}-${part}-imgs.npz`
    if (!names.includes(name)) throw new Error(`${folder}: no ${name} in this folder`)
    const { all } = await partsIn(join(folder, name), 'arr_0')
    if (all) parts[part] = all
  }
  return parts
}

async function partsIn(path: string, key: string | null): Promise<Parts> {
  const arrays = await arraysIn(path)
  const bytesOfArray = (name: string): NamedBytes => {
    const bytes = arrays.get(name)
    if (!bytes)
      throw new Error(`${path}: no array '${shortened(name)}'; choose with --key: ${listOfNames(arrays.keys())}`)
    return { name: `${path}: ${name}`, bytes: bytes() }
  }
  const found = Object.entries(namedParts([...arrays.keys()], key))
  if (found.length === 0)
    throw new Error(
      `${path}: no array has a usual name such as x_train or images; choose with --key: ${listOfNames(arrays.keys())}`,
    )
  const beside = await labelsBeside(path)
  return Object.fromEntries(
    found.map(([part, { images, labels }]) => [
      part,
      { images: bytesOfArray(images), labels: labels === undefined ? beside : bytesOfArray(labels), files: [path] },
    ]),
  )
}

async function labelsBeside(path: string): Promise<NamedBytes | undefined> {
  const labels = join(dirname(path), basename(path).replace(KMNIST, '$1-$2-labels.npz'))
  if (labels === path || !KMNIST.test(basename(path)) || !existsSync(labels)) return undefined
  const bytes = (await arraysIn(labels)).get('arr_0')
  return bytes && { name: `${labels}: arr_0`, bytes: bytes() }
}

async function openParts(parts: Parts, options: ReadOptions): Promise<OpenedSource> {
  const arrays: Partial<Record<PartName, ImageArray>> = {}
  const all: Warning[] = []
  for (const [part, { images, labels, files }] of Object.entries(parts) as [PartName, PartArrays][]) {
    const array = await npyArray(images.bytes, images.name)
    const { layout, warnings } = npyLayout(array, options)
    const read = labels && (await readLabels(labels, layout.count))
    arrays[part] = { array, layout, labels: read?.labels, files }
    all.push(...warnings, ...(read?.warnings ?? []))
  }
  return openArrays(arrays, all)
}

/** Arrays of words or objects are no labels, which does no harm. */
async function readLabels({ name, bytes }: NamedBytes, count: number): Promise<ReadLabels> {
  let array: Awaited<ReturnType<typeof npyArray>>
  try {
    array = await npyArray(bytes, name)
  } catch (error) {
    return withoutLabels((error as Error).message)
  }
  return labelsOf(array, count)
}
