/** Runs many steps on one and the same batch of images, through `scan`. */
import { concatenate, type Outputs, type Scan } from '../compile/scan.js'
import { type HostKey, keyAt } from '../random.js'

export interface RepeatOptions {
  /** Told how many steps a chunk had, after it. */
  onSteps: (count: number) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

/** One step of `runner` per schedule on `batch`, [size, pixels per image]; step i gets `keyAt(key, i)`. Undefined if it was stopped. */
export async function repeatBatch<S>(
  runner: Scan<S>,
  { batch, size, key }: { batch: Uint8Array | Float32Array; size: number; key: HostKey },
  schedules: readonly S[],
  { onSteps, signal }: RepeatOptions,
): Promise<Outputs | undefined> {
  const chunks: Outputs[] = []
  for (let done = 0; done < schedules.length; ) {
    if (signal?.aborted) return undefined
    const chunk = schedules.slice(done, done + runner.chunkSteps)
    const length = chunk.length * batch.length
    const data = batch instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)
    for (let i = 0; i < chunk.length; i++) data.set(batch, i * batch.length)
    const keys = Array.from(chunk, (_, i) => keyAt(key, done + i))
    chunks.push(await runner.run({ data, count: chunk.length, shape: [size, batch.length / size] }, keys, chunk))
    done += chunk.length
    onSteps(chunk.length)
  }
  return concatenate(chunks)
}
