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

/** Bits of the parts of a number that are added at a time: with so many, float32 adds those of 2^10 workers without rounding. */
const PART_BITS = 24
const PARTS = 2

/** Each part begins this many bits below the one before: the rest of a number is half a unit at most, and there are up to 2^10 rests. */
const STEP_BITS = PART_BITS - 10

/**
 * The sum of each number over all workers, in more than float32: to about 2^-38 of the sum of the absolute values, with the same bits on all
 * workers, in whatever order they are added. Each number is cut into parts that are whole multiples of a unit common to all workers, and sums of
 * those are exact (Demmel & Nguyen 2013, "Fast reproducible floating-point summation"). Alone, a process gets its own.
 */
export async function sumInDouble(values: Float64Array): Promise<Float64Array> {
  if (placeInCluster().count === 1) return values
  const bounds = await sumOverWorkers(Float32Array.from(values, Math.abs))
  const units = Float64Array.from(bounds, bound =>
    bound === 0 ? 1 : 2 ** (Math.ceil(Math.log2(bound)) + 1 - PART_BITS),
  )
  const rest = Float64Array.from(values)
  const total = new Float64Array(values.length)
  for (let part = 0; part < PARTS; part++) {
    const scale = 2 ** (-STEP_BITS * part)
    const own = rest.map((value, i) => {
      const unit = (units[i] as number) * scale
      return Math.round(value / unit) * unit
    })
    const sums = await sumOverWorkers(Float32Array.from(own))
    own.forEach((value, i) => {
      rest[i] = (rest[i] as number) - value
      total[i] = (total[i] as number) + (sums[i] as number)
    })
  }
  return total
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

/** The texts of all workers, in the order of their numbers. Alone, a process gets its own. */
export async function gather(text: string): Promise<string[]> {
  const { count } = placeInCluster()
  if (count === 1) return [text]
  const bytes = Float32Array.from(Buffer.from(text))
  const lengths = await sumOverWorkers(ownBlock(Float32Array.of(bytes.length), 1))
  const longest = Math.max(...lengths)
  const all = await sumOverWorkers(ownBlock(bytes, longest))
  return Array.from(lengths, (length, i) =>
    Buffer.from(Uint8Array.from(all.subarray(i * longest, i * longest + length))).toString(),
  )
}

/** One block of `size` numbers for each worker, of zeros but for this one's. */
function ownBlock(own: Float32Array, size: number): Float32Array {
  const { index, count } = placeInCluster()
  const blocks = new Float32Array(count * size)
  blocks.set(own, index * size)
  return blocks
}
