/** The inputs of a compiled loop: batches, keys and scheduled numbers, in reused arrays of a fixed capacity. */
import { type Scheduled, scheduledValue } from '../record/schedule.js'
import type { Batches, Call, Input, Numbers } from '../step.js'

/** The inputs of one call, which uses the first `n` rows. */
export interface Fed {
  readonly n: number
  /** [capacity, ...shape] of each input. */
  readonly inputs: readonly Input['data'][]
  /** [capacity, 2]. */
  readonly keys: Int32Array
  /** [capacity, scheduled numbers]. */
  readonly schedules: Float32Array
}

export interface Feeder {
  /** Steps that one call can run. */
  readonly capacity: number
  /** The steps from number `from` on, at most `capacity` of them. Valid until the next call. */
  feed(call: Call<Numbers>, from: number): Fed
}

/** Both bounds are fixed, so that no result depends on the speed of a machine. */
const MOST_BYTES = 2 ** 24
const MOST_STEPS = 200

/** A feeder of inputs with the names, shapes and element types of `like`. */
export function newFeeder({ count, inputs: like }: Batches, scheduled: readonly Scheduled[]): Feeder {
  const sizes = like.map(({ data }) => data.length / count)
  const bytes = like.reduce((sum, { data }) => sum + data.byteLength / count, 0)
  const capacity = Math.min(Math.max(Math.floor(MOST_BYTES / bytes), 1), MOST_STEPS)
  const inputs = like.map(({ data }, k) => emptyLike(data, capacity * (sizes[k] as number)))
  const keys = new Int32Array(2 * capacity)
  const schedules = new Float32Array(scheduled.length * capacity)

  function fill(row: number, { batches, keys: ofSteps, schedules: numbers }: Call<Numbers>, step: number): void {
    inputs.forEach((into, k) => {
      const [from, size] = [(batches.inputs[k] as Input).data, sizes[k] as number]
      into.set(from.subarray(step * size, (step + 1) * size), row * size)
    })
    keys.set(ofSteps?.[step] ?? [0, 0], 2 * row)
    schedules.set(
      scheduled.map(constant => scheduledValue(constant, numbers[step] as Numbers)),
      scheduled.length * row,
    )
  }

  return {
    capacity,
    feed(call, from) {
      const n = Math.min(call.batches.count - from, capacity)
      for (let row = 0; row < n; row++) fill(row, call, from + row)
      return { n, inputs, keys, schedules }
    },
  }
}

function emptyLike(data: Input['data'], length: number): Input['data'] {
  const Type = data.constructor as new (length: number) => Input['data']
  return new Type(length)
}
