/** Cuts data sets in memory into the batches of a pass. */
import * as tf from '#tfjs'
import { type HostKey, permutation, streamKey } from '../random.js'
import { fail, isWhole, kindOf, show } from './complaint.js'
import { isValues } from './inputs.js'
import type { ArrayValues } from './step.js'

/** A data set: values whose first axis is the example, or several of them by name. */
export type Examples = ArrayValues | { readonly [name: string]: ArrayValues }

export interface BatchedOptions {
  /** Examples in a batch. */
  readonly size: number
  /** Shuffles the examples; the same key gives the same order. A whole number stands for `streamKey(number, 'order')`. */
  readonly shuffle?: HostKey | number | undefined
  /** What becomes of the last examples if they do not fill a batch: `keep` gives a smaller batch, which is compiled on its own. */
  readonly last?: 'drop' | 'keep' | undefined
}

/**
 * The batches of one pass over a data set in memory, for `Scan.run`: arrays of `size` examples each, copied as they are asked for.
 * Throws an Error of one line if the data are not what they should be.
 *
 * @example
 * const steps = scan(({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => ({ same: tf.mean(tf.equal(x, y)) }))
 * const data = { x: { data: Float32Array.of(1, 2, 3, 4), shape: [4] }, y: { data: Float32Array.of(1, 0, 3, 0), shape: [4] } }
 * const { same } = await steps.run(batched(data, { size: 2 }))
 * console.log(same) // Float32Array(2) [ 0.5, 0.5 ]
 */
export function batched<E extends Examples>(data: E, { size, shuffle, last = 'drop' }: BatchedOptions): Iterable<E> {
  const single = isValues(data)
  const inputs: readonly (readonly [string, ArrayValues])[] = single ? [['data', data]] : namedInputs(data)
  const count = countOf(inputs)
  if (!isWhole(size) || size < 1 || size > count)
    fail(`size must be a whole number from 1 to the ${count} examples, got ${show(size)}`)
  const order = shuffle === undefined ? undefined : permutation(orderKey(shuffle), count)
  const steps = last === 'keep' ? Math.ceil(count / size) : Math.floor(count / size)
  return {
    *[Symbol.iterator]() {
      for (let step = 0; step < steps; step++) {
        const numbers = Array.from({ length: Math.min(size, count - step * size) }, (_, i) => step * size + i)
        const rows = order ? numbers.map(i => order[i] as number) : numbers
        const batch = inputs.map(([name, values]) => [name, rowsOf(values, rows)] as const)
        yield (single ? batch[0]?.[1] : Object.fromEntries(batch)) as E
      }
    },
  }
}

const orderKey = (shuffle: HostKey | number): HostKey =>
  typeof shuffle === 'number' ? streamKey(shuffle, 'order') : shuffle

function namedInputs(data: object): [string, ArrayValues][] {
  if (data === null || typeof data !== 'object' || ArrayBuffer.isView(data))
    fail(`batched takes { data, shape }, or an object of those by name, got ${kindOf(data)}`)
  return Object.entries(data)
}

function countOf(inputs: readonly (readonly [string, ArrayValues])[]): number {
  const counts = inputs.map(([name, values]) => {
    if (!isValues(values) || values instanceof tf.Tensor)
      fail(`batched: "${name}" must be { data, shape }, got ${kindOf(values)}`)
    const { data, shape } = values
    if (!ArrayBuffer.isView(data) || !Array.isArray(shape) || data.length !== tf.util.sizeFromShape([...shape]))
      fail(`batched: "${name}" has ${data?.length} values, but its shape is ${show(shape)}`)
    return shape[0] as number
  })
  const [count = 0] = counts
  if (counts.some(other => other !== count))
    fail(`the first axis is the example: ${inputs.map(([name], i) => `"${name}" has ${counts[i]}`).join(', ')}`)
  return count
}

function rowsOf({ data, shape, dtype }: ArrayValues, rows: readonly number[]): ArrayValues {
  const [count = 1, ...rest] = shape
  const size = data.length / count
  const Type = data.constructor as new (length: number) => ArrayValues['data']
  const batch = new Type(rows.length * size)
  rows.forEach((row, i) => void batch.set(data.subarray(row * size, (row + 1) * size), i * size))
  return { data: batch, shape: [rows.length, ...rest], dtype }
}
