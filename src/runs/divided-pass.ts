/** Puts together what the workers of a cluster gathered, each over its batches of a pass. */
import * as tf from '#tfjs'
import { sumInDouble, sumOverWorkers } from '../compile/sum-over-workers.js'
import type { Share } from '../data/passes.js'
import type { PassParts } from '../inference/algorithm.js'
import type { CompensatedSums } from '../numeric/compensated-sums.js'
import type { Position } from './snapshot.js'
import { fromChief, type Team } from './team.js'

/** Gives all workers the sums and the rows of the pass so far. Then either the pass or the run must end. */
export async function putTogether(
  team: Team,
  { sums, rows }: PassParts,
  share: Share,
  position: Position,
): Promise<void> {
  for (const one of sums) one.put(await sumEach(await one.take()))
  if (rows) await gatherRows(rows, batch => ownerOf(batch, share, position) === team.index)
  const names = await fromChief(team, Object.keys(position.sums))
  const totals = await sumInDouble(Float64Array.from(names, name => position.sums[name] ?? 0))
  position.sums = Object.fromEntries(names.map((name, i) => [name, totals[i] as number]))
}

/** Leaves what was gathered before a run was resumed to the chief alone. */
export async function startAtZero(sums: readonly CompensatedSums<string>[], position: Position): Promise<void> {
  for (const one of sums) await one.take()
  position.sums = {}
}

async function sumEach(values: Readonly<Record<string, Float64Array>>): Promise<Record<string, Float64Array>> {
  const lists = Object.values(values)
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    all.set(list, at)
    at += list.length
  }
  const totals = await sumInDouble(all)
  at = 0
  return Object.fromEntries(
    Object.entries(values).map(([name, { length }]) => {
      at += length
      return [name, totals.subarray(at - length, at)]
    }),
  )
}

/** The worker that has seen a batch last; the chief has what was restored. */
const ownerOf = (batch: number, { first, count }: Share, { stepInEpoch }: Position): number =>
  batch < first || batch >= stepInEpoch ? 0 : (batch - first) % count

async function gatherRows(rows: tf.Variable, isOwn: (row: number) => boolean): Promise<void> {
  const [count = 0] = rows.shape
  const values = Float32Array.from(await rows.data())
  const width = values.length / count
  for (let row = 0; row < count; row++) if (!isOwn(row)) values.fill(0, row * width, (row + 1) * width)
  const all = await sumOverWorkers(values)
  tf.tidy(() => rows.assign(tf.tensor(all, rows.shape)))
}
