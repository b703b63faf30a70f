/**
 * Keys and noise: the only file that makes random numbers.
 *
 * A key is a pair of 32-bit words, as in JAX; the same key gives the same noise on every backend. The generator is
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), in the layout of TensorFlow's
 * `StatelessRandomUniformFullInt`: native TensorFlow runs it as one operation, the other backends run it here, and the
 * bits are equal.
 */
import * as tf from '#tfjs'

/**
 * The seed of noise: two words from 0 to 2^31 - 1. They are never negative, because XLA and TensorFlow's kernels interpret negative words
 * differently. Use a key once; derive others with `split` and `keyAt`.
 */
export type HostKey = readonly [number, number]

/** A key as JavaScript holds it, or, inside of a compiled step, as a tensor: int32 [2]. Both give the same noise. */
export type Key = HostKey | tf.Tensor

/** The generator's name, written into checkpoints. */
export const generator = 'philox4x32-10'

// (bits >> 9) is in [-2^22, 2^22) and is mapped to the midpoints of 2^23 equal cells of (0, 1); every operation is exact in float32.
const CELLS = 2 ** 22 + 0.5
const CELL = 2 ** -23

const WORD = 2 ** 31 - 1

/**
 * The root key of one named stream ("weights", "order", …) of a run's seed.
 *
 * @example
 * console.log(streamKey(1, 'weights')) // [ 908715464, 788111955 ]
 */
export function streamKey(seed: number, stream: string): HostKey {
  return words(philox(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, hashName(stream), 0, 0x9e3779b9, 0x7f4a7c15))
}

/**
 * Key number `index` (0, 1, …) derived from `key`: of a step, an epoch or a batch.
 *
 * @example
 * const root = streamKey(1, 'noise')
 * const [first, second] = [keyAt(root, 0), keyAt(root, 1)] // the keys of two steps
 * console.log(normal(first, [2]).dataSync()[0] === normal(second, [2]).dataSync()[0]) // false
 */
export function keyAt(key: HostKey, index: number): HostKey {
  return words(philox(key[0], key[1], index >>> 0, Math.floor(index / 2 ** 32) >>> 0, 0xbb67ae85, 0x3c6ef372))
}

/**
 * `count` independent keys derived from `key`.
 *
 * @example
 * const [forZ, forPixels] = split(streamKey(1, 'sample'), 2)
 * console.log(forZ?.length, forPixels?.length) // 2 2
 */
export function split<K extends Key>(key: K, count: number): K[]
export function split(key: Key, count: number): Key[] {
  if (isTensor(key)) return nativeSplit(tf.backend(), key, count)
  const bits = randomBits(key, 2 * count)
  return Array.from({ length: count }, (_, i) => words(bits.subarray(2 * i, 2 * i + 2)))
}

/**
 * Uniform float32 noise in the open interval (0, 1): multiples of 2^-24, never 0, never 1.
 *
 * @example
 * const noise = uniform(streamKey(1, 'u'), [2, 3])
 * console.log(noise.shape, noise.dataSync().every(u => u > 0 && u < 1)) // [ 2, 3 ] true
 */
export function uniform(key: Key, shape: number[]): tf.Tensor {
  const backend = tf.backend()
  return tf.tidy(() =>
    isTensor(key) || isNative(backend)
      ? nativeUniform(backend, key, shape)
      : tf.tensor(uniformValues(key, tf.util.sizeFromShape(shape)), shape),
  )
}

/** The values of `uniform`, computed here rather than on a backend. */
export function uniformValues(key: HostKey, count: number): Float32Array {
  const bits = randomBits(key, count)
  const noise = new Float32Array(count)
  for (let i = 0; i < count; i++) noise[i] = (((bits[i] as number) >> 9) + CELLS) * CELL
  return noise
}

/**
 * Standard normal float32 noise (Box and Muller 1958); all values are within 5.8 standard deviations.
 *
 * @example
 * const epsilon = normal(streamKey(1, 'z'), [1000])
 * console.log(Math.abs(tf.mean(epsilon).dataSync()[0] ?? 1) < 0.2) // true
 */
export function normal(key: Key, shape: number[]): tf.Tensor {
  const size = tf.util.sizeFromShape(shape)
  const half = Math.ceil(size / 2)
  return tf.tidy(() => {
    const [u, v] = tf.unstack(uniform(key, [2, half])) as [tf.Tensor, tf.Tensor] // [half] each
    const radius = tf.sqrt(tf.mul(tf.log(u), -2))
    const { cosine, sine } = circle(v)
    const pairs = tf.concat([tf.mul(radius, cosine), tf.mul(radius, sine)]) // [2 half]
    return tf.reshape(tf.slice(pairs, [0], [size]), shape)
  })
}

/**
 * `x` with each element 0 with probability `rate`, and otherwise divided by 1 - rate, so that its mean stays (Srivastava et al. 2014).
 * TF.js's own dropout makes its noise in JavaScript, which a compiled step would fix forever. Throws an Error unless 0 <= rate < 1.
 *
 * @example
 * const kept = dropout(tf.ones([1000]), 0.25, streamKey(1, 'dropout'))
 * console.log(new Set(kept.dataSync())) // Set(2) { 1.3333333730697632, 0 }
 */
export function dropout(x: tf.Tensor, rate: number, key: Key): tf.Tensor {
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: the rate must be from 0 to below 1, got ${rate}`)
  return tf.tidy(() =>
    tf.mul(x, tf.mul(tf.cast(tf.greaterEqual(uniform(key, x.shape), rate), x.dtype), 1 / (1 - rate))),
  )
}

/** The values of `normal` for `count` entries to 1e-5, computed here in double precision rather than on a backend. */
export function normalValues(key: HostKey, count: number): Float64Array {
  const half = Math.ceil(count / 2)
  const noise = uniformValues(key, 2 * half)
  return Float64Array.from({ length: count }, (_, i) => {
    const [u, v] = [noise[i % half] as number, noise[half + (i % half)] as number]
    const angle = 2 * Math.PI * v
    return Math.sqrt(-2 * Math.log(u)) * (i < half ? Math.cos(angle) : Math.sin(angle))
  })
}

/** Minimax polynomials in t^2 for sin(pi t) / t and cos(pi t), |t| <= 1/2; from the highest power to the constant. */
const HALF_ANGLE = [
  [0.07765941, 0.2196968],
  [-0.59829216, -1.33188016],
  [2.55007766, 4.05841191],
  [-5.16771009, -4.93479286],
  [3.14159264, 0.99999995],
] as const

/**
 * cos(2 pi v) and sin(2 pi v) of v in (0, 1), to 1e-6, from those of half the angle, pi t with t = v - 1/2. XLA does not vectorize
 * `tf.cos` and `tf.sin`: with them, drawing z took a tenth of an evaluation.
 */
function circle(v: tf.Tensor): { cosine: tf.Tensor; sine: tf.Tensor } {
  const t = tf.sub(v, 0.5)
  const square = tf.square(t)
  const [first, ...rest] = HALF_ANGLE.map(pair => tf.tensor2d([...pair], [2, 1])) as [tf.Tensor, ...tf.Tensor[]]
  const both = rest.reduce<tf.Tensor>((sum, coefficients) => tf.add(tf.mul(sum, square), coefficients), first)
  const [perT, cosineOfHalf] = tf.unstack(both) as [tf.Tensor, tf.Tensor] // of pi t
  const sineOfHalf = tf.mul(t, perT)
  const twice = tf.mul(sineOfHalf, -2)
  // cos 2 pi v = -cos 2 pi t = 2 sin^2 - 1;  sin 2 pi v = -sin 2 pi t = -2 sin cos
  return { cosine: tf.sub(tf.mul(twice, tf.neg(sineOfHalf)), 1), sine: tf.mul(twice, cosineOfHalf) }
}

/**
 * A seeded permutation of 0 … count-1 (Fisher and Yates).
 *
 * @example
 * console.log(permutation(streamKey(1, 'order'), 5).toSorted()) // Int32Array(5) [ 0, 1, 2, 3, 4 ]
 */
export function permutation(key: HostKey, count: number): Int32Array {
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  // The words are used from the last to the first, and drawn so, a piece at a time: all of them would need as much memory as the order.
  for (let from = PIECE * Math.floor((count - 1) / PIECE); from >= 0; from -= PIECE) {
    const bits = randomBits(key, Math.min(PIECE, count - from), from)
    for (let i = from + bits.length - 1; i >= Math.max(from, 1); i--) {
      const j = Math.floor((((bits[i - from] as number) >>> 0) * (i + 1)) / 2 ** 32)
      const swapped = order[i] as number
      order[i] = order[j] as number
      order[j] = swapped
    }
  }
  return order
}

/** Words that are drawn at once; a multiple of the four of a block. */
const PIECE = 2 ** 20

/** `count` int32 words from word `from` on, a multiple of four; equal to TensorFlow's `StatelessRandomUniformFullInt` of the seed `key`. */
export function randomBits(key: HostKey, count: number, from = 0): Int32Array {
  const [k0, k1, c2, c3] = philox(key[0], key[0] >> 31, key[1], key[1] >> 31, 0x3ec8f720, 0x02461e29) as Words
  const bits = new Int32Array(4 * Math.ceil(count / 4))
  for (let block = 0; 4 * block < count; block++) philox(from / 4 + block, 0, c2, c3, k0, k1, bits, 4 * block)
  return bits.subarray(0, count)
}

interface NativeBackend extends tf.KernelBackend {
  executeSingleOutput(op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor
}

function isNative(backend: tf.KernelBackend): backend is NativeBackend {
  return 'executeSingleOutput' in backend
}

function isTensor(key: Key): key is tf.Tensor {
  return key instanceof tf.Tensor
}

const int32 = (name: string) => ({ name, type: 4, value: 3 }) // an attribute of kind TYPE with the value int32

function execute(backend: tf.KernelBackend, op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor {
  if (isNative(backend)) return backend.executeSingleOutput(op, attributes, inputs)
  throw new Error(`a key that is a tensor needs the backend tensorflow, not ${tf.getBackend()}`)
}

function nativeBits(backend: tf.KernelBackend, key: Key, shape: number[]): tf.Tensor {
  const seed = isTensor(key) ? key : tf.tensor1d([...key], 'int32')
  const attributes = [int32('dtype'), int32('T'), int32('Tseed')]
  return execute(backend, 'StatelessRandomUniformFullInt', attributes, [tf.tensor1d(shape, 'int32'), seed])
}

function nativeSplit(backend: tf.KernelBackend, key: tf.Tensor, count: number): tf.Tensor[] {
  const bits = nativeBits(backend, key, [count, 2])
  return tf.unstack(execute(backend, 'BitwiseAnd', [int32('T')], [bits, tf.scalar(WORD, 'int32')]))
}

function nativeUniform(backend: tf.KernelBackend, key: Key, shape: number[]): tf.Tensor {
  const words = nativeBits(backend, key, shape)
  const cells = execute(backend, 'RightShift', [int32('T')], [words, tf.scalar(9, 'int32')])
  return tf.mul(tf.add(tf.cast(cells, 'float32'), CELLS), CELL)
}

type Words = Int32Array & { [word in 0 | 1 | 2 | 3]: number }

const words = (block: Int32Array): HostKey => [(block[0] as number) & WORD, (block[1] as number) & WORD]

/** One block of Philox4x32-10: counter (c0, c1, c2, c3) and key (k0, k1) give four words, written to `out` at `offset`. */
function philox(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out = new Int32Array(4),
  offset = 0,
): Int32Array {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(c0, 0xd251, 0x1f53)
    const high1 = multiplyHigh(c2, 0xcd9e, 0x8d57)
    const low0 = Math.imul(c0, 0xd2511f53)
    const low1 = Math.imul(c2, 0xcd9e8d57)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  out[offset] = c0
  out[offset + 1] = c1
  out[offset + 2] = c2
  out[offset + 3] = c3
  return out
}

/** The upper 32 bits of a * (high * 2^16 + low), all unsigned, by products of halves: no sum exceeds 32 bits. */
function multiplyHigh(a: number, high: number, low: number): number {
  const [upper, lower] = [a >>> 16, a & 0xffff]
  const first = Math.imul(upper, low) + (Math.imul(lower, low) >>> 16)
  const second = Math.imul(lower, high) + (first & 0xffff)
  return (Math.imul(upper, high) + (first >>> 16) + (second >>> 16)) | 0
}

/** FNV-1a, 32 bits. */
function hashName(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193)
  return hash
}
