/**
 * Sums over a pass that lose nothing in float32: each has a correction that holds what its last addition rounded away
 * (Kahan 1965, "Further remarks on reducing truncation errors").
 */
import * as tf from '@tensorflow/tfjs'

/** Named sums of fixed shapes; read by `totals`, which belongs at the end of a pass. */
export interface Statistics<Name extends string> {
  /** `NAME` and `NAME_correction`, for a checkpoint. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Adds one batch's sums. Compilable. */
  add(values: Readonly<Record<Name, tf.Tensor>>): void
  /** The sums in double precision. */
  totals(): Promise<Record<Name, Float64Array>>
  /** Back to zero. */
  reset(): void
  dispose(): void
}

interface Sum {
  total: tf.Variable
  correction: tf.Variable
}

/** Sums that begin at zero, by name with their shapes. */
export function createStatistics<Name extends string>(shapes: Readonly<Record<Name, number[]>>): Statistics<Name> {
  const names = Object.keys(shapes) as Name[]
  const zeros = (name: Name) => tf.tidy(() => tf.variable(tf.zeros(shapes[name]), false))
  const sums = Object.fromEntries(
    names.map(name => [name, { total: zeros(name), correction: zeros(name) }]),
  ) as unknown as Record<Name, Sum>
  const all: (readonly [string, tf.Variable])[] = names.flatMap(name => [
    [name, sums[name].total] as const,
    [`${name}_correction`, sums[name].correction] as const,
  ])
  return {
    variables: new Map(all),
    add: values => names.forEach(name => void accumulate(sums[name], values[name])),
    async totals() {
      const totals = names.map(async name => [name, await inDouble(sums[name])] as const)
      return Object.fromEntries(await Promise.all(totals)) as Record<Name, Float64Array>
    },
    reset: () => tf.tidy(() => all.forEach(([, variable]) => void variable.assign(tf.zerosLike(variable)))),
    dispose: () => all.forEach(([, variable]) => void variable.dispose()),
  }
}

/** total + value, rounded; the correction becomes what the rounding added too much. */
function accumulate({ total, correction }: Sum, value: tf.Tensor): void {
  tf.tidy(() => {
    const corrected = tf.sub(value, correction)
    const next = tf.add(total, corrected)
    correction.assign(tf.sub(tf.sub(next, total), corrected))
    total.assign(next)
  })
}

async function inDouble({ total, correction }: Sum): Promise<Float64Array> {
  const [sum, excess] = await Promise.all([total.data(), correction.data()])
  return Float64Array.from(sum, (value, i) => value - (excess[i] as number))
}
