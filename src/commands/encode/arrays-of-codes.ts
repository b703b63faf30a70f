/** The arrays that `elbo encode` writes for each image. */
import type { Outputs } from '../../compile/step.js'
import type { Split } from '../../data/dataset.js'
import { levelsOf } from '../../data/images.js'
import { unitValues, WHITE } from '../../data/levels.js'
import type { Encoding } from '../../evaluation/codes.js'
import { type ArraySpec, type Block, textSpec } from '../../files/array-files/arrays.js'

/** Images, as the model reads them, and what their codes are. */
export interface Coded {
  images: Split
  codes: Encoding
  /** Whether pixels are 0 and 1. */
  isBinary: boolean
}

/** Their arrays: codes and ELBO; label, name of the label and file name where there are any; the image. */
export function arraysOfCodes({ images, codes, isBinary }: Coded): ArraySpec[] {
  const { count, rows, columns, channels, labels, names } = images
  const numbers = (name: string, width?: number): ArraySpec => ({
    name,
    type: 'float32',
    shape: width === undefined ? [count] : [count, width],
  })
  return [
    ...(names ? [textSpec('name', names)] : []),
    ...(labels ? [{ name: 'label', type: 'int32', shape: [count] } as const] : []),
    ...(labels && areWords(labels.names) ? [textSpec('labelName', wordsOf(labels))] : []),
    numbers('elbo'),
    ...Object.entries(codes.widths).map(([name, width]) => numbers(name, width)),
    {
      name: 'image',
      type: isBinary ? 'uint8' : 'float32',
      shape: [count, rows, columns, ...(channels > 1 ? [channels] : [])],
    },
  ]
}

/** The rows of `count` images that begin at `from`, with their codes. */
export function blockOf({ images, isBinary }: Coded, outputs: Outputs, from: number, count: number): Block {
  const { labels, names } = images
  const levels = levelsOf(images, from, from + count)
  const values = labels?.values.subarray(from, from + count)
  return {
    ...outputs,
    image: isBinary ? levels.map(level => level / WHITE) : unitValues(levels),
    ...(values && { label: values }),
    ...(labels && values && areWords(labels.names) && { labelName: wordsOf({ ...labels, values }) }),
    ...(names && { name: names.slice(from, from + count) }),
  }
}

type Labels = NonNullable<Split['labels']>

/** Whether classes have names other than their numbers. */
const areWords = (names: readonly string[]): boolean => names.some((name, i) => name !== String(i))

const wordsOf = ({ values, names }: Labels): string[] => Array.from(values, value => names[value] ?? String(value))
