/** How the workers of a cluster divide the steps of a measurement, and put its outputs together. */
import { placeInCluster } from '../collectives/all-reduce.js'
import type { Outputs } from '../compile/step.js'
import { gather, sumOverWorkers } from '../compile/sum-over-workers.js'

/** Steps `from` up to `to`. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The steps of worker `index` of `count`: equal shares in order, in units of `unit` steps. */
export function shareOf(steps: number, unit: number, { index, count } = placeInCluster()): Range {
  const units = steps / unit
  const bound = (i: number) => unit * Math.ceil((units * i) / count)
  return { from: bound(index), to: bound(index + 1) }
}

/** The outputs of the first `done` steps. */
export interface Done {
  readonly done: number
  readonly outputs: Outputs
}

/**
 * Puts together the outputs of all workers, of which this one has done its share or the beginning of it, on each of them. Steps behind one
 * that was not done are left out. Alone, a process gets its own.
 */
export async function gatherSteps(steps: number, unit: number, own: Done): Promise<Done> {
  const { index, count } = placeInCluster()
  if (count === 1) return own
  const sizes = Object.entries(own.outputs).map(([name, values]) => [name, values.length / own.done] as const)
  const told = (await gather(JSON.stringify({ done: own.done, sizes }))).map(
    text => JSON.parse(text) as { done: number; sizes: [string, number][] },
  )
  const named = told.find(({ done }) => done > 0)?.sizes ?? []
  const { from } = shareOf(steps, unit, { index, count })
  const outputs: Outputs = {}
  for (const [name, size] of named) {
    const whole = new Float32Array(steps * size)
    whole.set(own.outputs[name] ?? [], from * size)
    outputs[name] = await sumOverWorkers(whole)
  }
  const done = finishedInOrder(
    steps,
    unit,
    told.map(({ done }) => done),
  )
  const cut = named.map(([name, size]) => [name, (outputs[name] as Float32Array).subarray(0, done * size)] as const)
  return { done, outputs: Object.fromEntries(cut) }
}

/** The number of steps before the first that was not done. */
function finishedInOrder(steps: number, unit: number, done: readonly number[]): number {
  const count = done.length
  const unfinished = done.findIndex((n, index) => {
    const { from, to } = shareOf(steps, unit, { index, count })
    return n < to - from
  })
  return unfinished < 0 ? steps : shareOf(steps, unit, { index: unfinished, count }).from + (done[unfinished] ?? 0)
}
