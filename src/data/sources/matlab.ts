/**
 * Images in MATLAB 5 files: Omniglot's `chardata.mat` and the Caltech 101 silhouettes, whose pixels lie column by column, the Frey faces, whose
 * pixels lie row by row, and any other array by `--key` and `--raw-shape`.
 */
import { shortened } from '../../settings/setting.js'
import { type ImageArray, type Layout, layoutOf, openArrays, type StoredArray } from './arrays.js'
import { labelsOf } from './labels.js'
import { type MatlabVariable, matlabVariables } from './matlab-file.js'
import { parseRawShape } from './raw-shape.js'
import type { OpenedSource, PartName, Reader, ReadOptions, Warning } from './reader.js'

export const matlab: Reader = {
  name: 'MATLAB 5 file (.mat)',
  recognises: ({ path, isFolder, start }) =>
    !isFolder && (/\.mat$/i.test(path) || Buffer.from(start).toString('latin1').startsWith('MATLAB ')),
  async open(path, options, { isGzipped }) {
    if (isGzipped) throw new Error(`${path}: a gzipped MATLAB file; unpack it once`)
    const variables = await matlabVariables(path)
    const known = options.key === null ? sets.find(set => isOf(set, variables)) : undefined
    return known ? openSet(path, variables, known) : openKey(path, variables, options)
  },
}

/** A data set that is published as a MATLAB file. */
interface KnownSet {
  readonly parts: Partial<Record<PartName, { images: string; labels?: string }>>
  /** Of its images; null: square. */
  readonly rows: number | null
  /** Pixels x images; otherwise images x pixels. */
  readonly isImageTogether: boolean
  readonly isRowByRow: boolean
}

const sets: readonly KnownSet[] = [
  {
    parts: { train: { images: 'data', labels: 'target' }, test: { images: 'testdata', labels: 'testtarget' } },
    rows: null,
    isImageTogether: true,
    isRowByRow: false,
  },
  {
    parts: {
      train: { images: 'train_data', labels: 'train_labels' },
      validation: { images: 'val_data', labels: 'val_labels' },
      test: { images: 'test_data', labels: 'test_labels' },
    },
    rows: null,
    isImageTogether: false,
    isRowByRow: false,
  },
  { parts: { all: { images: 'ff' } }, rows: 28, isImageTogether: true, isRowByRow: true },
]

/** Whether all arrays of a set are there, with as many pixels as its images have. */
const isOf = (set: KnownSet, variables: readonly MatlabVariable[]): boolean =>
  Object.values(set.parts).every(({ images }) => {
    const shape = variables.find(({ name, array }) => name === images && array)?.shape
    return shape?.length === 2 && sizeOf(set, shape) !== undefined
  })

function sizeOf({ rows, isImageTogether }: KnownSet, shape: readonly number[]) {
  const [first = 0, second = 0] = shape
  const [pixels, count] = isImageTogether ? [first, second] : [second, first]
  const height = rows ?? Math.sqrt(pixels)
  return pixels > 0 && Number.isInteger(height) && pixels % height === 0
    ? { count, rows: height, columns: pixels / height }
    : undefined
}

async function openSet(path: string, variables: readonly MatlabVariable[], set: KnownSet): Promise<OpenedSource> {
  const arrays: Partial<Record<PartName, ImageArray>> = {}
  const all: Warning[] = []
  for (const [part, { images, labels }] of Object.entries(set.parts) as [
    PartName,
    { images: string; labels?: string },
  ][]) {
    const array = numbers(path, variables, images)
    const size = sizeOf(set, array.shape) ?? { count: 0, rows: 0, columns: 0 }
    const layout = pixelsOf({ ...size, channels: 1, isImageTogether: set.isImageTogether }, set.isRowByRow, array.name)
    const labelled = variables.find(({ name }) => name === labels)?.array
    const read = labelled && (await labelsOf(labelled, layout.count))
    arrays[part] = { array, layout, labels: read?.labels, files: [path] }
    all.push(...(read?.warnings ?? []))
  }
  return openArrays(arrays, all)
}

/** MATLAB writes an image column by column, so that is what pixels are taken for; of rows of pixels nothing tells whether they are. */
async function openKey(
  path: string,
  variables: readonly MatlabVariable[],
  options: ReadOptions,
): Promise<OpenedSource> {
  if (options.key === null) throw new Error(`${path}: no known set of images; choose with --key: ${listed(variables)}`)
  const array = numbers(path, variables, options.key)
  if (options.rawShape === null)
    throw new Error(
      `${array.name} is ${array.shape.join('x')}; say the shape of its images by --raw-shape COUNTxROWSxCOLUMNS`,
    )
  const asked = parseRawShape(options.rawShape)
  const isImageTogether = imagesAreLast(array, asked, options.rawShape)
  const layout = pixelsOf({ ...asked, isImageTogether }, false, array.name)
  const parts = { all: { array, layout, files: [path] } }
  if (array.shape.length > 2) return openArrays(parts)
  const message = `${array.name}: the pixels of an image are read column by column, as MATLAB writes them; if they lie row by row, use --transpose on`
  return openArrays(parts, [{ kind: 'orientation', message }])
}

function imagesAreLast(
  { name, shape }: StoredArray,
  asked: ReturnType<typeof parseRawShape>,
  rawShape: string,
): boolean {
  const pixels = asked.rows * asked.columns * asked.channels
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1)
  if (shape.at(-1) === asked.count && product(shape.slice(0, -1)) === pixels) return true
  if (shape[0] === asked.count && product(shape.slice(1)) === pixels) return false
  throw new Error(`${name} is ${shape.join('x')}, which is not --raw-shape ${rawShape}`)
}

/** Channels, if there are several, lie in planes. */
function pixelsOf(shape: Omit<Layout, 'order'>, isRowByRow: boolean, name: string): Layout {
  const { rows, columns } = shape
  const [row, column] = isRowByRow ? [columns, 1] : [1, rows]
  return layoutOf(shape, [row, column, shape.channels === 1 ? 1 : rows * columns], name)
}

function numbers(path: string, variables: readonly MatlabVariable[], key: string): StoredArray {
  const variable = variables.find(({ name }) => name === key)
  if (!variable) throw new Error(`${path}: no array '${shortened(key)}'; choose with --key: ${listed(variables)}`)
  if (!variable.array)
    throw new Error(`${path}: ${key} is of class ${variable.kind} or complex; real numbers were expected`)
  return variable.array
}

const MOST_LISTED = 20

function listed(variables: readonly MatlabVariable[]): string {
  const arrays = variables.filter(({ array }) => array)
  const shown = arrays.slice(0, MOST_LISTED).map(({ name, shape }) => `${shortened(name)} (${shape.join('x')})`)
  const more = arrays.length > MOST_LISTED ? ` and ${arrays.length - MOST_LISTED} more` : ''
  return shown.length === 0 ? 'there are no arrays of numbers' : shown.join(', ') + more
}
