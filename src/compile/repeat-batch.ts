/** Runs many steps on the same batch. */
import { type HostKey, keyAt } from '../random.js'
import { chunks, type Scan } from './scan.js'
import { concatenate, type Outputs } from './step.js'

/** A batch [size, values per row], and the key of its noise: step i gets `keyAt(key, i)`. */
export interface RepeatedBatch {
  batch: Uint8Array | Float32Array
  size: number
  key: HostKey
}

export interface RepeatOptions {
  /** Called after each chunk with its number of steps. */
  onSteps: (count: number) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

/** Runs one step per schedule on the batch. Undefined if `signal` stopped it early. */
export async function repeatBatch<S>(
  steps: Scan<S>,
  { batch, size, key }: RepeatedBatch,
  schedules: readonly S[],
  { onSteps, signal }: RepeatOptions,
): Promise<Outputs | undefined> {
  const parts: Outputs[] = []
  let done = 0
  const feed = (from: number, count: number) => ({
    batches: { data: repeated(batch, count), shape: [count, size, batch.length / size], dtype: 'float32' as const },
    keys: Array.from({ length: count }, (_, i) => keyAt(key, from + i)),
    schedules: schedules.slice(from, from + count),
  })
  for await (const { count, outputs } of chunks(steps, { to: schedules.length, signal }, feed)) {
    parts.push(outputs)
    done += count
    onSteps(count)
  }
  return done < schedules.length ? undefined : concatenate(parts)
}

/** `count` copies of the batch, end to end. */
function repeated(batch: Uint8Array | Float32Array, count: number): Uint8Array | Float32Array {
  const length = count * batch.length
  const data = batch instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)
  for (let i = 0; i < count; i++) data.set(batch, i * batch.length)
  return data
}
