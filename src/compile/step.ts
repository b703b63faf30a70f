/** The types of compiled steps: a step, its batches, its outputs, and the modes in which it can run. */
import type * as tf from '#tfjs'
import type { HostKey, Key } from '../random.js'

/** The element types of a step's inputs. */
export const inputTypes = ['float32', 'int32', 'bool'] as const

/** The arrays that hold a step's inputs. Bytes stay bytes until the step runs, so they cost a quarter of the memory and of the copying. */
export type InputArray = Uint8Array | Uint8ClampedArray | Int32Array | Float32Array

/** Values in row-major order, and their shape. */
export interface ArrayValues {
  readonly data: InputArray
  readonly shape: readonly number[]
  /** Element type of the tensor that the step gets. Left out, it is TF.js's own choice: float32 of a Float32Array, otherwise int32. */
  readonly dtype?: (typeof inputTypes)[number] | undefined
}

/**
 * The inputs of steps as rows of a table, such as the images of a data set: the batch of a step is `table[rows of that step]`. Compiled by XLA
 * for a GPU, the table is copied to it once, and afterwards only the row numbers; elsewhere the rows are copied as they are needed. The values
 * of the table must not change while the scan is used.
 */
export interface TableRows {
  /** Values whose first axis is the row. */
  readonly table: ArrayValues
  /** Row numbers in row-major order. */
  readonly rows: Int32Array
  /** Shape of `rows`: [steps, batch]. */
  readonly shape: readonly number[]
}

/** What a step gets: a tensor, or tensors by name. */
export type Inputs = tf.Tensor | { readonly [name: string]: tf.Tensor }

/** One step. Reads and assigns variables, and returns named tensors of fixed shapes; `schedule` holds numbers that change between steps. */
export type Step<S, I = tf.Tensor> = (inputs: I, key: Key, schedule: S) => Record<string, tf.Tensor>

/** The inputs of one step: an array with its shape, or a tensor, for each of the step's inputs. */
export type Values<I> = I extends tf.Tensor
  ? ArrayValues | tf.Tensor
  : { readonly [Name in keyof I]: ArrayValues | tf.Tensor }

/** The inputs of many steps, whose first axis is the step: also rows of a table. */
export type Stacked<I> = I extends tf.Tensor
  ? ArrayValues | TableRows | tf.Tensor
  : { readonly [Name in keyof I]: ArrayValues | TableRows | tf.Tensor }

/** A `tf.data.Dataset`, or anything else that gives batches one after the other. */
export interface DatasetOfBatches {
  iterator(): Promise<{ next(): Promise<IteratorResult<unknown>> }>
}

/**
 * The inputs of all steps. Stacked: values whose first axis is the step. One after the other: a list, generator or `tf.data.Dataset` of
 * the values of one step each. A step without inputs takes the number of steps.
 */
export type Data<I> = Stacked<I> | Iterable<Values<I>> | AsyncIterable<Values<I>> | DatasetOfBatches | number

/** The numbers of one step, by name. */
export type Numbers = Readonly<Record<string, number>>

/** Noise and numbers of the steps of a call. */
export interface RunOptions<S> {
  /** Step i gets `keyAt(key, i)`; a whole number stands for `streamKey(number, 'scan')`. A step that reads its key needs this or `keys`. */
  readonly key?: HostKey | number | undefined
  /** The key of each step. */
  readonly keys?: readonly HostKey[] | undefined
  /** The numbers of each step: a list, or a function of the step's index in this call. */
  readonly schedules?: readonly S[] | ((step: number) => S) | undefined
}

/** One input of `count` steps, end to end. */
export interface Input {
  readonly name: string
  /** [count, ...shape]; with `rows` the table, [rows of the table, ...shape without its first axis]. */
  readonly data: Uint8Array | Int32Array | Float32Array
  /** The shape in one step. */
  readonly shape: readonly number[]
  readonly dtype: (typeof inputTypes)[number]
  /** [count, shape[0]]: the rows of the table that are the batch of each step. */
  readonly rows?: Int32Array
}

/** The inputs of `count` steps. */
export interface Batches {
  readonly count: number
  readonly inputs: readonly Input[]
  /** Whether the step gets one tensor; otherwise it gets an object of tensors. */
  readonly single: boolean
}

/** What the steps of one call compute with. `keys` is undefined if the caller gave none. */
export interface Call<S> {
  readonly batches: Batches
  readonly keys: readonly HostKey[] | undefined
  readonly schedules: readonly S[]
}

/** The outputs of all steps end to end: [count, ...output shape] each. */
export type Outputs = Record<string, Float32Array>

/** How TensorFlow runs a function: compiled by XLA into one piece of machine code, or node by node. */
export type NativeMode = 'xla' | 'graph'

/** How steps run: `off` is one TF.js operation after the other. */
export type Mode = 'off' | NativeMode

/** Modes that can be requested. `auto` is `xla` or `graph` by a rule (run/choose.ts); on backends that cannot compile it is `off`. */
export const modes = ['auto', 'xla', 'graph', 'off'] as const

/** How steps run, and the reason, for display. */
export interface Choice<M extends Mode = Mode> {
  readonly mode: M
  readonly reason: string
}

/** The type to which the operands of matrix products are rounded. Sums, and everything else, are float32. */
export const precisions = ['float32', 'bfloat16'] as const

export type Precision = (typeof precisions)[number]

export interface ScanOptions {
  /** Left out, it is `auto`. */
  readonly mode?: (typeof modes)[number] | undefined
  /**
   * Left out, it is `float32`. `bfloat16` rounds the operands of matrix products to 8 significant bits, where the processor has instructions
   * for that; it needs XLA.
   */
  readonly precision?: Precision | undefined
  /** Why this mode was chosen, for display; ignored with `auto`. */
  readonly reason?: string
}

/** Runs the steps of one call. */
export interface StepRunner<S> {
  readonly choice: Choice | undefined
  /** The largest number of steps in one call to TensorFlow. */
  readonly mostSteps: number
  run(call: Call<S>): Promise<{ outputs: Outputs; stepMs: number }>
  dispose(): void
}

/** Joins the outputs of consecutive runs. */
export function concatenate(runs: readonly Outputs[]): Outputs {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(names.map(name => [name, endToEnd(runs.map(outputs => outputs[name] as Float32Array))]))
}

/** At least one array, all of one type, in one. */
export function endToEnd<A extends Input['data']>(arrays: readonly A[]): A {
  const [first] = arrays as readonly [A]
  const Type = first.constructor as new (length: number) => A
  const whole = new Type(arrays.reduce((length, array) => length + array.length, 0))
  let offset = 0
  for (const array of arrays) {
    whole.set(array, offset)
    offset += array.length
  }
  return whole
}

/** Splits the outputs of `steps` steps into those of each step. */
export function eachStep(outputs: Outputs, steps: number): Outputs[] {
  const part = (values: Float32Array, step: number) =>
    values.subarray((step * values.length) / steps, ((step + 1) * values.length) / steps)
  return Array.from({ length: steps }, (_, step) =>
    Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, part(values, step)])),
  )
}
