/** Runs asynchronous work on the items of a list, several at a time. */
import { availableParallelism } from 'node:os'

/** What `work` makes of each item, in the order of the items; as many at a time as the machine has cores. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T)
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), items.length) }, worker))
  return results
}
