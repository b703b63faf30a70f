// Random values for hostile calls, by a seed: mostly right ones, so that calls come far, and among them wrong ones of every kind.
const SIZES = [0, 1, 2, 3, 5, 8]
/** No size between a million and what no machine has: those would only fill the memory. */
const WRONG_SIZES = [-1, -7, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 1e300, 0.5, Number.NaN, Number.POSITIVE_INFINITY]
const WRONG = [undefined, null, Number.NaN, -1, 1.5, '', '3', 'x'.repeat(1e5), true, {}, [], [null], [[1], [2, 3]], 7n]
const DTYPES = ['float32', 'int32', 'bool', 'complex64', 'string']
const WRONG_DTYPES = ['float64', 'uint8', 'int64', '', undefined, null, 3, -1, 1e9]
const RANKS = [0, 1, 1, 2, 2, 3, 4]
const WRONG_RANKS = [7, 9, 64, 253, 254, 255, 300]

/** Deterministic in the seed: mulberry32. */
export function randomValues(seed) {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const pick = list => list[Math.floor(uniform() * list.length)]
  const chance = p => uniform() < p
  const times = (count, make) => Array.from({ length: count }, make)
  const wrong = () => pick(WRONG)
  const size = () => (chance(0.08) ? pick(WRONG_SIZES) : pick(SIZES))
  const axis = () => (chance(0.15) ? wrong() : pick([-3, -2, -1, 0, 1, 2, 3]))
  const rank = () => (chance(0.1) ? pick(WRONG_RANKS) : pick(RANKS))
  const shape = () => {
    if (chance(0.05)) return wrong()
    const dimensions = rank()
    return dimensions > 6 ? times(dimensions, () => (chance(0.01) ? size() : 1)) : times(dimensions, size)
  }
  const dtype = () => (chance(0.15) ? pick(WRONG_DTYPES) : pick(DTYPES))
  const number = () => (chance(0.2) ? pick([...WRONG_SIZES, ...WRONG]) : pick([0, 1, 2, -2, 0.25, 1e-40, 3e38]))
  const numbers = length => times(Math.min(length, 1000), () => pick([0, 1, -1, 2.5, 1e38, Number.NaN]))
  return { uniform, pick, chance, times, wrong, size, axis, rank, shape, dtype, number, numbers }
}
