/** The inputs of a compiled loop: batches, keys and scheduled numbers, in reused arrays of a fixed capacity. */
import type { HostKey } from '../../random.js'
import { type Scheduled, scheduledValue } from '../record/schedule.js'
import type { Batches, Numbers } from '../step.js'

/** The inputs of one call, which uses the first `n` rows. */
export interface Fed {
  readonly n: number
  /** [capacity, ...batch]. */
  readonly data: Uint8Array | Float32Array
  /** [capacity, 2]. */
  readonly keys: Int32Array
  /** [capacity, scheduled numbers]. */
  readonly schedules: Float32Array
}

export interface Feeder {
  /** Steps that one call can run. */
  readonly capacity: number
  /** The steps from number `from` on, at most `capacity` of them. Valid until the next call. */
  feed(batches: Batches, keys: readonly HostKey[], schedules: readonly Numbers[], from: number): Fed
}

/** Both bounds are fixed, so that no result depends on the speed of a machine. */
const MOST_BYTES = 2 ** 24
const MOST_STEPS = 200

/** A feeder of batches of this shape, with the element type of `like`. */
export function newFeeder(like: Batches['data'], shape: readonly number[], scheduled: readonly Scheduled[]): Feeder {
  const size = shape.reduce((product, n) => product * n, 1)
  const capacity = Math.min(Math.max(Math.floor(MOST_BYTES / (size * like.BYTES_PER_ELEMENT)), 1), MOST_STEPS)
  const length = capacity * size
  const data = like instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)
  const keys = new Int32Array(2 * capacity)
  const schedules = new Float32Array(scheduled.length * capacity)

  function fill(row: number, batches: Batches, step: number, key: HostKey, numbers: Numbers): void {
    data.set(batches.data.subarray(step * size, (step + 1) * size), row * size)
    keys.set(key, 2 * row)
    schedules.set(
      scheduled.map(constant => scheduledValue(constant, numbers)),
      scheduled.length * row,
    )
  }

  return {
    capacity,
    feed(batches, keysOfSteps, numbers, from) {
      const n = Math.min(batches.count - from, capacity)
      for (let row = 0; row < n; row++) {
        const step = from + row
        fill(row, batches, step, keysOfSteps[step] as HostKey, numbers[step] as Numbers)
      }
      return { n, data, keys, schedules }
    },
  }
}
