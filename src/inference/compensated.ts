/** Sums over many batches that float32 does not wear away: a running sum and the part of it that rounding lost (Neumaier 1974). */
import * as tf from '@tensorflow/tfjs'

export interface CompensatedSums<Name extends string> {
  /** `NAME` and `NAME_lost` for each sum. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Adds a value of its sum's shape to every sum; inside of a step. */
  add(values: Readonly<Record<Name, tf.Tensor>>): void
  /** The sums in double precision. */
  read(): Promise<Record<Name, Float64Array>>
  /** Starts again from zero. */
  reset(): void
}

export function compensatedSums<Name extends string>(shapes: Readonly<Record<Name, number[]>>): CompensatedSums<Name> {
  const names = Object.keys(shapes) as Name[]
  const zeros = (name: Name) => tf.tidy(() => tf.variable(tf.zeros(shapes[name]), false))
  const sums = names.map(name => ({ name, sum: zeros(name), lost: zeros(name) }))
  return {
    variables: new Map(
      sums.flatMap(({ name, sum, lost }): [string, tf.Variable][] => [
        [name, sum],
        [`${name}_lost`, lost],
      ]),
    ),
    add(values) {
      for (const { name, sum, lost } of sums) {
        const total = tf.add(sum, values[name])
        const larger = tf.maximum(tf.abs(sum), tf.abs(values[name]))
        const sumIsLarger = tf.equal(larger, tf.abs(sum))
        // What the smaller of the two lost when it was added to the larger.
        const [large, small] = [tf.where(sumIsLarger, sum, values[name]), tf.where(sumIsLarger, values[name], sum)]
        lost.assign(tf.add(lost, tf.add(tf.sub(large, total), small)))
        sum.assign(total)
      }
    },
    async read() {
      const values = await Promise.all(
        sums.map(async ({ name, sum, lost }) => {
          const [rounded, rest] = await Promise.all([sum.data(), lost.data()])
          return [name, Float64Array.from(rounded, (value, i) => value + (rest[i] as number))] as const
        }),
      )
      return Object.fromEntries(values) as Record<Name, Float64Array>
    },
    reset: () => {
      for (const { sum, lost } of sums) for (const one of [sum, lost]) tf.tidy(() => one.assign(tf.zerosLike(one)))
    },
  }
}
