/** Labels in arrays of numbers: one number for each image, or one row with a single 1. */
import type { StoredArray } from './arrays.js'
import { withCursor } from './bytes.js'
import { bytesOfType, type Values, valuesOf } from './numbers.js'
import type { Labels, Warning } from './reader.js'

/** Labels above are no numbers of classes. */
const LARGEST_LABEL = 65_535

const MOST_CLASSES = 10_000

/** Numbers that are read at once. */
const PIECE = 2 ** 20

/**
 * The labels of `count` images, or a warning that says why the array holds none. The class of an image is its number in the file; the names
 * are the numbers from 0 up to the largest.
 */
export async function labelsOf(array: StoredArray, count: number): Promise<ReadLabels> {
  const read = await classesOf(array, count)
  if (typeof read === 'string') return withoutLabels(`${array.name}: ${read}`)
  return { labels: numbered(read), warnings: [] }
}

/** Labels, or a warning that says why there are none. */
export interface ReadLabels {
  readonly labels?: Labels
  readonly warnings: readonly Warning[]
}

export const withoutLabels = (why: string): ReadLabels => ({
  warnings: [{ kind: 'labels', message: `${why}; the images are read without labels` }],
})

/** Labels whose names are their numbers. */
function numbered(values: Int32Array): Labels {
  const largest = values.reduce((most, value) => Math.max(most, value), -1)
  return { values, names: Array.from({ length: largest + 1 }, (_, i) => String(i)) }
}

/** The class of each image, or why there are none. Throws an Error that names the array if it is damaged. */
async function classesOf(array: StoredArray, count: number): Promise<Int32Array | string> {
  const width = widthOf(array, count)
  if (width === undefined)
    return `the shape is (${array.shape.join(', ')}), which gives no label to each of ${count} images`
  const classes = new Int32Array(count)
  const size = width * bytesOfType[array.type]
  return withCursor(array.bytes, async cursor => {
    await cursor.skip(array.offset)
    const most = Math.max(1, Math.floor(PIECE / width))
    for (let from = 0; from < count; from += most) {
      const rows = Math.min(most, count - from)
      const bytes = await cursor.read(rows * size)
      if (bytes.length < rows * size)
        throw new Error(`${array.name}: the file is truncated: ${count} labels were expected`)
      const values = valuesOf(bytes, array.type, array.isBigEndian)
      for (let i = 0; i < rows; i++) {
        const found = width === 1 ? (values[i] as number) : hotOf(values.subarray(i * width, (i + 1) * width))
        if (!(Number.isInteger(found) && found >= 0 && found <= LARGEST_LABEL)) return notAClass(from + i, found, width)
        classes[from + i] = found
      }
    }
    if ((await cursor.read(array.padding + 1)).length > array.padding)
      throw new Error(`${array.name}: the file has extra bytes: ${count} labels were expected`)
    return classes
  })
}

const notAClass = (image: number, found: number, width: number): string =>
  width === 1
    ? `${found}, of image ${image} (counted from 0), is no number of a class`
    : `row ${image} (counted from 0) is not one 1 among zeros`

/** Numbers of each image, if those of one image lie together. */
function widthOf({ shape, isFirstFastest }: StoredArray, count: number): number | undefined {
  const long = shape.filter(size => size !== 1)
  if (count === 1 ? long.length === 0 : long.length === 1 && long[0] === count) return 1
  const [images, width] = isFirstFastest ? [shape[1], shape[0]] : [shape[0], shape[1]]
  return shape.length === 2 && images === count && width !== undefined && width <= MOST_CLASSES ? width : undefined
}

/** The place of the only 1; -1 if there is anything else than zeros beside it. */
function hotOf(row: Values): number {
  let hot = -1
  for (let i = 0; i < row.length; i++) {
    if (row[i] === 0) continue
    if (row[i] !== 1 || hot >= 0) return -1
    hot = i
  }
  return hot
}
