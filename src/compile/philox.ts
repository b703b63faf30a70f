/**
 * Philox4x32-10 (Salmon et al. 2011) in arithmetic that XLA turns into vector instructions. XLA's own version of
 * `StatelessRandomUniformFullInt` computes each block of four words four times, without vectors. The bits are the same.
 */
import { DTYPES } from '../libtensorflow/dtypes.js'
import { type Builder, newBuilder, rewrite } from './builder.js'
import { cast, fill, int, ints, pack, reshape, slice, typeAttribute } from './operations.js'
import { type Program, sizeOf, type TensorType, type Value } from './program.js'
import { loop } from './while.js'

/** TensorFlow's numbers for unsigned types, which TF.js lacks. */
const UINT32 = 22
const UINT64 = 23
const INT32 = DTYPES.TF_INT32

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const
/** The key under which TensorFlow scrambles a seed. */
const SCRAMBLE = [0x3ec8f720, 0x02461e29] as const
const ROUNDS = 10
const ROUNDS_PER_TURN = 5

type Pair = readonly [Value, Value]
type Block = readonly [Value, Value, Value, Value]

/** A program, and the functions that it calls by name. */
export interface ProgramWithFunctions {
  readonly program: Program
  readonly functions: ReadonlyMap<string, Program>
}

/**
 * Replaces the operation where it gives int32; seeds must not be negative. Names of functions begin with `prefix`.
 *
 * XLA fuses rounds that stand in a row and computes each one again for everything that uses it, so that the work grows exponentially
 * with their number; every turn of a `While` copies the block. Measured on 25,000 blocks, five rounds a turn cost least; for a single
 * block the loop itself costs more than the work.
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
  const zero = word(builder, 0)
  const seedWord = (i: number) => cast(builder, slice(builder, seed, ints(builder, [i]), [1]), UINT32) // [1]
  const seedBlock = [seedWord(0), fill(builder, zero, [1]), seedWord(1), fill(builder, zero, [1])] as const
  const scrambled = philox(target, seedBlock, [word(builder, SCRAMBLE[0]), word(builder, SCRAMBLE[1])], 1)
  const [k0, k1, c2, c3] = scrambled.map(value => reshape(builder, value, [])) as unknown as Block
  const counter = [countUp(builder, blocks), ...[zero, c2, c3].map(value => fill(builder, value, [blocks]))]
  const words = philox(target, counter as unknown as Block, [k0, k1], blocks)
  return reshape(builder, firstOf(builder, interleave(builder, words, blocks), size), type.shape)
}

const scalarOf = (dtype: number): TensorType => ({ dtype, shape: [] })

/** Ten rounds on `blocks` counters, uint32 [blocks] each. */
function philox({ builder, functions, prefix }: Target, counter: Block, key: Pair, blocks: number): Block {
  const start = { counter, key }
  if (blocks === 1) return rounds(builder, start, ROUNDS).counter
  const types = [scalarOf(INT32), ...[...counter, ...key].map(value => builder.typeOf(value))]
  const [condition, body] = [`${prefix}_philox_${blocks}_condition`, `${prefix}_philox_${blocks}_body`]
  functions.set(condition, moreRounds(types))
  functions.set(body, oneTurn(types))
  const [, ...block] = loop(builder, condition, body, [int(builder, 0), ...counter, ...key])
  return block.slice(0, 4) as unknown as Block
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
  const [done, c0, c1, c2, c3, k0, k1] = values as [Value, ...Block, ...Pair]
  const { counter, key } = rounds(builder, { counter: [c0, c1, c2, c3], key: [k0, k1] }, ROUNDS_PER_TURN)
  const next = [binary(builder, 'AddV2', done, int(builder, ROUNDS_PER_TURN)), ...counter, ...key]
  return builder.build(new Map(next.map((value, i) => [`${i}`, value])))
}

interface State {
  readonly counter: Block
  readonly key: Pair
}

function rounds(builder: Builder, start: State, count: number): State {
  return Array.from({ length: count }).reduce<State>(state => oneRound(builder, state), start)
}

function oneRound(builder: Builder, { counter: [c0, c1, c2, c3], key: [k0, k1] }: State): State {
  const [high0, low0] = multiply(builder, c0, MULTIPLIERS[0])
  const [high1, low1] = multiply(builder, c2, MULTIPLIERS[1])
  return {
    counter: [xor(builder, xor(builder, high1, c1), k0), low1, xor(builder, xor(builder, high0, c3), k1), low0],
    key: [
      binary(builder, 'AddV2', k0, word(builder, KEY_STEPS[0])),
      binary(builder, 'AddV2', k1, word(builder, KEY_STEPS[1])),
    ],
  }
}

/** The upper and the lower half of a product of 64 bits. */
function multiply(builder: Builder, value: Value, multiplier: number): Pair {
  const wide = (of: Value) => cast(builder, of, UINT64)
  const product = binary(builder, 'Mul', wide(value), wide(word(builder, multiplier)))
  const high = binary(builder, 'RightShift', product, wide(word(builder, 32)))
  return [cast(builder, high, UINT32), cast(builder, product, UINT32)]
}

const xor = (builder: Builder, a: Value, b: Value): Value => binary(builder, 'BitwiseXor', a, b)

/** Of two scalars, or of a scalar and a vector. */
function binary(builder: Builder, op: string, a: Value, b: Value): Value {
  const [typeA, typeB] = [builder.typeOf(a), builder.typeOf(b)]
  const { dtype, shape } = typeA.shape.length > 0 ? typeA : typeB
  return builder.single(op, [typeAttribute('T', dtype)], [a, b], { dtype, shape })
}

function word(builder: Builder, value: number): Value {
  return builder.constant(Int32Array.of(value), { dtype: UINT32, shape: [] })
}

function countUp(builder: Builder, count: number): Value {
  const bounds = [int(builder, 0), int(builder, count), int(builder, 1)]
  const range = builder.single('Range', [typeAttribute('Tidx', INT32)], bounds, { dtype: INT32, shape: [count] })
  return cast(builder, range, UINT32)
}

/** a0 b0 c0 d0 a1 …, int32. */
function interleave(builder: Builder, words: Block, blocks: number): Value {
  const bits = [typeAttribute('T', UINT32), typeAttribute('type', INT32)]
  const packed = pack(builder, words, 1) // [blocks, 4]
  return reshape(builder, builder.single('Bitcast', bits, [packed], { dtype: INT32, shape: [blocks, 4] }), [4 * blocks])
}

function firstOf(builder: Builder, vector: Value, size: number): Value {
  const [length] = builder.typeOf(vector).shape
  return length === size ? vector : slice(builder, vector, ints(builder, [0]), [size])
}
