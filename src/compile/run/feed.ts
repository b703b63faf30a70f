/** The inputs of a compiled loop: batches, keys and scheduled numbers, in reused arrays of a fixed capacity. */
import { copyStep, emptyLike, valuesIn } from '../inputs.js'
import { type Scheduled, scheduledValue } from '../record/schedule.js'
import type { Batches, Call, Input, Numbers } from '../step.js'

/** The inputs of one call, which uses the first `n` rows. */
export interface Fed {
  readonly n: number
  /** [capacity, ...shape] of each input, or [capacity, batch] of the row numbers of one whose table the loop holds. */
  readonly inputs: readonly Input['data'][]
  /** The table of each input, where the loop holds it. */
  readonly tables: readonly (Input['data'] | undefined)[]
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

/** All bounds are fixed, so that no result depends on the speed of a machine. */
const MOST_BYTES = 2 ** 24
const MOST_STEPS = 200
/** Where only row numbers are fed, a call costs little per step, and its fixed cost counts. */
const MOST_STEPS_OF_ROWS = 1000

/**
 * A feeder of inputs with the names, shapes and element types of `like`. `isHeld`: whether the loop holds the table of an input and is fed the row
 * numbers of each step; otherwise the rows are copied. `outputBytes`: those of one step.
 */
export function newFeeder(
  { inputs: like }: Batches,
  scheduled: readonly Scheduled[],
  isHeld: (input: Input) => boolean,
  outputBytes: number,
): Feeder {
  const fed = like.map(input => {
    const held = isHeld(input)
    const size = held ? (input.shape[0] as number) : valuesIn(input.shape)
    return { held, size, like: held ? (input.rows as Int32Array) : input.data }
  })
  const bytes = fed.reduce((sum, { like, size }) => sum + size * like.BYTES_PER_ELEMENT, 0)
  const capacity = fed.some(({ held }) => held)
    ? stepsWithin(bytes + outputBytes, MOST_STEPS_OF_ROWS)
    : stepsWithin(bytes, MOST_STEPS)
  const inputs = fed.map(({ like, size }) => emptyLike(like, capacity * size))
  const keys = new Int32Array(2 * capacity)
  const schedules = new Float32Array(scheduled.length * capacity)

  function fill(row: number, { batches, keys: ofSteps, schedules: numbers }: Call<Numbers>, step: number): void {
    fed.forEach(({ held, size }, k) => {
      const [into, input] = [inputs[k] as Input['data'], batches.inputs[k] as Input]
      if (held) into.set((input.rows as Int32Array).subarray(step * size, (step + 1) * size), row * size)
      else copyStep(input, step, into, row * size)
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
      const tables = fed.map(({ held }, k) => (held ? call.batches.inputs[k]?.data : undefined))
      return { n, inputs, tables, keys, schedules }
    },
  }
}

const stepsWithin = (bytes: number, most: number): number => Math.min(Math.max(Math.floor(MOST_BYTES / bytes), 1), most)
