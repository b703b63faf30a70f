/**
 * Compensated float32 sums over many batches: a running sum and its accumulated rounding error (Knuth's two-sum; Ogita, Rump & Oishi 2005,
 * "Accurate sum and dot product").
 */
import * as tf from '#tfjs'

/** Named sums of fixed shapes, zero at first. */
export interface CompensatedSums<Name extends string> {
  /** `NAME` and `NAME_lost` for each sum. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Adds a value, or several one after another, to every sum, of the sum's shape; for use inside a step. */
  add(values: Readonly<Record<Name, tf.Tensor | readonly tf.Tensor[]>>): void
  /** Returns the sums in double precision, and resets them to zero. */
  take(): Promise<Record<Name, Float64Array>>
  /** Sets the sums, given in double precision. */
  put(values: Readonly<Record<Name, Float64Array>>): void
  dispose(): void
}

interface Sum {
  sum: tf.Variable
  lost: tf.Variable
}

export function compensatedSums<Name extends string>(shapes: Readonly<Record<Name, number[]>>): CompensatedSums<Name> {
  const zeros = (name: Name) => tf.tidy(() => tf.variable(tf.zeros(shapes[name]), false))
  const sums = (Object.keys(shapes) as Name[]).map(name => ({ name, sum: zeros(name), lost: zeros(name) }))
  const variables = new Map<string, tf.Variable>(
    sums.flatMap(({ name, sum, lost }) => [[name, sum] as const, [`${name}_lost`, lost] as const]),
  )
  return {
    variables,
    add(values) {
      for (const { name, ...sum } of sums) for (const value of [values[name]].flat()) accumulate(sum, value)
    },
    async take() {
      const values = await Promise.all(sums.map(async ({ name, ...sum }) => [name, await inDouble(sum)] as const))
      for (const variable of variables.values()) tf.tidy(() => variable.assign(tf.zerosLike(variable)))
      return Object.fromEntries(values) as Record<Name, Float64Array>
    },
    put(values) {
      for (const { name, ...sum } of sums) setInDouble(sum, values[name])
    },
    dispose: () => tf.dispose([...variables.values()]),
  }
}

/** Adds `value` to `sum`, and the exact rounding error of that to `lost`. */
function accumulate({ sum, lost }: Sum, value: tf.Tensor): void {
  tf.tidy(() => {
    const total = tf.add(sum, value)
    const added = tf.sub(total, sum)
    const rest = tf.add(tf.sub(sum, tf.sub(total, added)), tf.sub(value, added))
    lost.assign(tf.add(lost, rest))
    sum.assign(total)
  })
}

function setInDouble({ sum, lost }: Sum, values: Float64Array): void {
  const rounded = Float32Array.from(values)
  const rest = Float32Array.from(values, (value, i) => value - (rounded[i] as number))
  tf.tidy(() => {
    sum.assign(tf.tensor(rounded, sum.shape))
    lost.assign(tf.tensor(rest, lost.shape))
  })
}

async function inDouble({ sum, lost }: Sum): Promise<Float64Array> {
  const [rounded, rest] = await Promise.all([sum.data(), lost.data()])
  return Float64Array.from(rounded, (value, i) => value + (rest[i] as number))
}
