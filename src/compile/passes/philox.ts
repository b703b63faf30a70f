/**
 * Philox4x32-10 (Salmon et al. 2011) in operations that XLA vectorizes. XLA's own `StatelessRandomUniformFullInt` computes each block of
 * four words four times, without vector instructions. The bits are the same.
 */
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { type Builder, newBuilder, rewrite } from '../program/builder.js'
import { cast, fill, int, ints, pack, reshape, slice, typeAttribute } from '../program/operations.js'
import { type Program, type ProgramWithFunctions, sizeOf, type TensorType, type Value } from '../program/program.js'
import { whileLoop } from '../program/while.js'

/** TensorFlow's number for unsigned integers of 64 bits, which TF.js lacks. */
const UINT64 = 23
const INT32 = DTYPES.TF_INT32

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const
/** The key with which TensorFlow scrambles a seed. */
const SCRAMBLE = [0x3ec8f720, 0x02461e29] as const
const ROUNDS = 10
const ROUNDS_PER_TURN = 5

/** A block of four words, or a key of two, as two halves of 64 bits. */
type Halves = readonly [Value, Value]

/**
 * Replaces each `StatelessRandomUniformFullInt` of int32; seeds must not be negative. Names of functions begin with `prefix`.
 *
 * XLA fuses consecutive rounds and recomputes each round for every value that uses it, so long runs of rounds are slow; but every
 * iteration of a `While` copies the block. On 25,000 blocks, five rounds per iteration were fastest. For a single block, the loop costs
 * more than the rounds.
 */
export function vectorizedNoise(program: Program, prefix: string): ProgramWithFunctions {
  const functions = new Map<string, Program>()
  const replaced = rewrite(program, (node, [, seed], builder) => {
    if (node.kind !== 'operation' || node.op !== 'StatelessRandomUniformFullInt') return undefined
    const [type] = node.types
    if (type?.dtype !== INT32 || seed === undefined) return undefined
    return [noise({ builder, functions, prefix }, seed, type)]
  })
  return { program: replaced, functions }
}

interface Target {
  readonly builder: Builder
  readonly functions: Map<string, Program>
  readonly prefix: string
}

function noise(target: Target, seed: Value, type: TensorType): Value {
  const { builder } = target
  const size = sizeOf(type)
  const blocks = Math.ceil(size / 4)
  const seedWord = (i: number) => upper(builder, cast(builder, slice(builder, seed, ints(builder, [i]), [1]), UINT64)) // [1]
  const scramble = SCRAMBLE.map(value => upper(builder, word(builder, value))) as unknown as Halves
  const scrambled = philox(target, { counter: [seedWord(0), seedWord(1)], key: scramble }, 1)
  const [keys, high] = scrambled.map(value => reshape(builder, value, [])) as unknown as Halves
  const counter = [upper(builder, countUp(builder, blocks)), fill(builder, high, [blocks])] as const
  const key = [upper(builder, lower(builder, keys)), upper(builder, keys)] as const
  const words = philox(target, { counter, key }, blocks)
  return reshape(builder, firstOf(builder, interleave(builder, words, blocks), size), type.shape)
}

const scalarOf = (dtype: number): TensorType => ({ dtype, shape: [] })

/**
 * `counter`: words c0 to c3 of each block as c0 2^32 + c1 and c2 2^32 + c3, uint64 [blocks] each. `key`: its two words as the upper
 * words of uint64 scalars. In this layout a half needs one 64-bit product per round, whose two words are already in place.
 */
interface State {
  readonly counter: Halves
  readonly key: Halves
}

/** Ten rounds on `blocks` counters. */
function philox({ builder, functions, prefix }: Target, start: State, blocks: number): Halves {
  if (blocks === 1) return rounds(builder, start, ROUNDS).counter
  const values = [...start.counter, ...start.key]
  const types = [scalarOf(INT32), ...values.map(value => builder.typeOf(value))]
  const [condition, body] = [`${prefix}_philox_${blocks}_condition`, `${prefix}_philox_${blocks}_body`]
  functions.set(condition, moreRounds(types))
  functions.set(body, oneTurn(types))
  const [, ...end] = whileLoop(builder, condition, body, [int(builder, 0), ...values])
  return end.slice(0, 2) as unknown as Halves
}

function moreRounds(types: readonly TensorType[]): Program {
  const builder = newBuilder()
  const [done] = types.map((type, i) => builder.argument(`${i}`, type)) as [Value]
  const all = int(builder, ROUNDS)
  const more = builder.single('Less', [typeAttribute('T', INT32)], [done, all], scalarOf(DTYPES.TF_BOOL))
  return builder.build(new Map([['more', more]]))
}

function oneTurn(types: readonly TensorType[]): Program {
  const builder = newBuilder()
  const values = types.map((type, i) => builder.argument(`${i}`, type))
  const [done, a, b, k0, k1] = values as [Value, ...Halves, ...Halves]
  const { counter, key } = rounds(builder, { counter: [a, b], key: [k0, k1] }, ROUNDS_PER_TURN)
  const next = [binary(builder, 'AddV2', done, int(builder, ROUNDS_PER_TURN)), ...counter, ...key]
  return builder.build(new Map(next.map((value, i) => [`${i}`, value])))
}

function rounds(builder: Builder, start: State, count: number): State {
  return Array.from({ length: count }).reduce<State>(state => oneRound(builder, state), start)
}

/** c0' = high(M1 c2) ^ c1 ^ k0, c1' = low(M1 c2), c2' = high(M0 c0) ^ c3 ^ k1, c3' = low(M0 c0). */
function oneRound(builder: Builder, { counter: [a, b], key: [k0, k1] }: State): State {
  const half = (multiplied: Value, multiplier: number, kept: Value, k: Value) => {
    const product = binary(builder, 'Mul', lower(builder, multiplied), word(builder, multiplier))
    return xor(builder, xor(builder, product, upper(builder, kept)), k)
  }
  const step = (k: Value, i: 0 | 1) => binary(builder, 'AddV2', k, upper(builder, word(builder, KEY_STEPS[i])))
  return {
    counter: [half(b, MULTIPLIERS[1], a, k0), half(a, MULTIPLIERS[0], b, k1)],
    key: [step(k0, 0), step(k1, 1)],
  }
}

/** Moves the upper word to the lower place. */
const lower = (builder: Builder, value: Value): Value => binary(builder, 'RightShift', value, word(builder, 32))

/** Moves the lower word to the upper place. */
const upper = (builder: Builder, value: Value): Value => binary(builder, 'LeftShift', value, word(builder, 32))

const xor = (builder: Builder, a: Value, b: Value): Value => binary(builder, 'BitwiseXor', a, b)

/** An operation on two scalars, or on a scalar and a vector. */
function binary(builder: Builder, op: string, a: Value, b: Value): Value {
  const [typeA, typeB] = [builder.typeOf(a), builder.typeOf(b)]
  const { dtype, shape } = typeA.shape.length > 0 ? typeA : typeB
  return builder.single(op, [typeAttribute('T', dtype)], [a, b], { dtype, shape })
}

/** A constant uint64 scalar below 2^32. */
function word(builder: Builder, value: number): Value {
  return builder.constant(Int32Array.of(value, 0), { dtype: UINT64, shape: [] })
}

function countUp(builder: Builder, count: number): Value {
  const bounds = [int(builder, 0), int(builder, count), int(builder, 1)]
  const range = builder.single('Range', [typeAttribute('Tidx', INT32)], bounds, { dtype: INT32, shape: [count] })
  return cast(builder, range, UINT64)
}

/** The words in order, c0 c1 c2 c3 of the first block, c0 … of the second: int32 [4 blocks]. */
function interleave(builder: Builder, halves: Halves, blocks: number): Value {
  const bits = [typeAttribute('T', UINT64), typeAttribute('type', INT32)]
  const swapped = halves.map(half => xor(builder, lower(builder, half), upper(builder, half))) // the lower word comes first in memory
  const packed = pack(builder, swapped, 1) // [blocks, 2]
  const type = { dtype: INT32, shape: [blocks, 2, 2] }
  return reshape(builder, builder.single('Bitcast', bits, [packed], type), [4 * blocks])
}

function firstOf(builder: Builder, vector: Value, size: number): Value {
  const [length] = builder.typeOf(vector).shape
  return length === size ? vector : slice(builder, vector, ints(builder, [0]), [size])
}
