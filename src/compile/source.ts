/** The inputs of steps as they are asked for: slices of arrays, or batches that come one after the other. */
import * as tf from '#tfjs'
import { fail, kindOf } from './complaint.js'
import { join, ofOneStep, signature, sliceSteps, stacked } from './inputs.js'
import type { Batches, DatasetOfBatches } from './step.js'

export interface Source {
  /** The inputs of the next steps, at most `most` of them, all of one signature; undefined at the end. */
  next(most: number): Promise<Batches | undefined>
  /** Ends what gives the batches, as `break` ends a loop. */
  close(): Promise<void>
}

type Pull = { next(): Promise<IteratorResult<unknown>> | IteratorResult<unknown>; return?(): unknown }

/** Whether batches come one after the other; otherwise the first axis of `data` is the step. */
export function isSequence(data: unknown): boolean {
  return typeof data === 'object' && data !== null && !ArrayBuffer.isView(data) && !(data instanceof tf.Tensor)
    ? Symbol.iterator in data || Symbol.asyncIterator in data || isDataset(data)
    : false
}

/** Throws an Error of one line if the data are not inputs of steps. */
export async function sourceOf(data: unknown): Promise<Source> {
  if (!isSequence(data)) return slices(await stacked(data))
  if (isDataset(data)) return sequence(await data.iterator(), true)
  const iterable = data as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  const pull = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.()
  if (pull === undefined) fail(`the inputs of steps cannot be read from a ${kindOf(data)}`)
  return sequence(pull as Pull, false)
}

const isDataset = (data: unknown): data is DatasetOfBatches =>
  typeof (data as Partial<DatasetOfBatches> | null)?.iterator === 'function'

function slices(batches: Batches): Source {
  let from = 0
  return {
    async next(most) {
      const count = Math.min(most, batches.count - from)
      if (count === 0) return undefined
      from += count
      return sliceSteps(batches, from - count, from)
    },
    close: async () => {},
  }
}

/** Tensors of a `tf.data.Dataset` are made for its reader, who frees them; those of the caller's own generators stay the caller's. */
function sequence(pull: Pull, frees: boolean): Source {
  let waiting: Batches | undefined
  async function one(): Promise<Batches | undefined> {
    const taken = await pull.next()
    if (taken.done) return undefined
    try {
      return await ofOneStep(taken.value)
    } finally {
      if (frees) tf.dispose(taken.value as tf.TensorContainer)
    }
  }
  return {
    async next(most) {
      const first = waiting ?? (await one())
      waiting = undefined
      if (first === undefined) return undefined
      const taken = [first]
      const kind = signature(first)
      while (taken.length < most) {
        const more = await one()
        if (more === undefined) break
        if (signature(more) !== kind) {
          waiting = more
          break
        }
        taken.push(more)
      }
      return join(taken)
    },
    async close() {
      await pull.return?.()
    },
  }
}
