/** Sums of host arrays over all workers of a cluster: the way in which workers tell each other numbers and texts. */
import { placeInCluster, reduce } from '../collectives/all-reduce.js'
import { type Scan, scan } from './scan.js'

/** Numbers travel in blocks of one of these sizes; each size is compiled once. */
const BLOCKS = [16, 2 ** 12, 2 ** 18] as const

const scans = new Map<number, Scan<object>>()

/** The sum of each number over all workers, which must give equally many; exact where all but one give 0. Alone, a process gets its own. */
export async function sumOverWorkers(values: Float32Array): Promise<Float32Array> {
  if (placeInCluster().count === 1 || values.length === 0) return values
  const block = BLOCKS.find(size => size >= values.length) ?? BLOCKS[2]
  const padded = new Float32Array(Math.ceil(values.length / block) * block)
  padded.set(values)
  const { sum = padded } = await summing(block).run({ data: padded, shape: [padded.length / block, block] })
  return sum.slice(0, values.length)
}

function summing(block: number): Scan<object> {
  const known = scans.get(block)
  if (known) return known
  const made = scan<object>(x => ({ sum: reduce(x, 'Id') }), {
    mode: 'graph',
    reason: 'it computes nothing else',
  })
  scans.set(block, made)
  return made
}
