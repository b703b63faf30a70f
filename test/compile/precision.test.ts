// Matrix products in bfloat16: what the pass makes of a program, what it computes on any processor, and where it is refused.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { callOf } from '../../src/compile/check-call.js'
import { stacked } from '../../src/compile/inputs.js'
import { bfloat16Products } from '../../src/compile/passes/bfloat16.js'
import { newBuilder } from '../../src/compile/program/builder.js'
import { type Program, printProgram } from '../../src/compile/program/program.js'
import { compileSteps } from '../../src/compile/run/compiled-steps.js'
import { scan } from '../../src/compile/scan.js'
import type { Inputs, Outputs, Precision, Step } from '../../src/compile/step.js'
import { DTYPES } from '../../src/libtensorflow/dtypes.js'
import { bfloat16Problem } from '../../src/libtensorflow/machine.js'
import type { NodeBackend } from '../../src/libtensorflow/node-backend.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { skipped } from '../support/native.js'
import { floatBatches, training, weights } from '../support/steps.js'

const float = (...shape: number[]) => ({ dtype: DTYPES.TF_FLOAT, shape })

/** x W, and x^T times that: a layer and the gradient of its weights. */
function layer(): Program {
  const builder = newBuilder()
  const [x, w] = [builder.argument('input:x', float(5, 3)), builder.argument('state:w', float(3, 2))]
  const attributes = (transposed: boolean) => [
    { name: 'T', type: 6, value: DTYPES.TF_FLOAT },
    { name: 'transpose_a', type: 3, value: transposed },
    { name: 'transpose_b', type: 3, value: false },
  ]
  const y = builder.single('MatMul', attributes(false), [x, w], float(5, 2))
  const gradient = builder.single('MatMul', attributes(true), [x, y], float(3, 2))
  const again = builder.single('MatMul', attributes(true), [x, y], float(3, 2))
  return builder.build(new Map(Object.entries({ 'output:y': y, 'output:g': gradient, 'output:a': again })))
}

describe('the pass', () => {
  test('rounds each value once, and transposes in a conditional, which XLA does not look into', () => {
    const { program, functions } = bfloat16Products(layer(), 'f', false)
    expect(`\n${printProgram(program)}\n`).toMatchInlineSnapshot(`
      "
      %0 = argument "input:x" : float32[5,3]
      %1 = argument "state:w" : float32[3,2]
      %2 = Cast(%0) {SrcT: 1, DstT: 14} : bfloat16[5,3]
      %3 = Cast(%1) {SrcT: 1, DstT: 14} : bfloat16[3,2]
      %4 = BatchMatMulV3(%2, %3) {Ta: 14, Tb: 14, Tout: 1, adj_x: false, adj_y: false} : float32[5,2]
      %5 = argument "key" : int32[2]
      %6 = constant [0] : int32[1]
      %7 = constant [1] : int32[1]
      %8 = Slice(%5, %6, %7) {T: 3, Index: 3} : int32[1]
      %9 = constant [] : int32[0]
      %10 = Reshape(%8, %9) {T: 3, Tshape: 3} : int32[]
      %11 = constant [0] : int32[]
      %12 = GreaterEqual(%10, %11) {T: 3} : bool[]
      %13 = StatelessIf(%12, %0) {Tcond: 10, Tin: [1], Tout: [14], then_branch: "f_round_transpose_5x3", else_branch: "f_transpose_round_5x3", output_shapes: [[3,5]]} : bfloat16[3,5]
      %14 = Cast(%4) {SrcT: 1, DstT: 14} : bfloat16[5,2]
      %15 = BatchMatMulV3(%13, %14) {Ta: 14, Tb: 14, Tout: 1, adj_x: false, adj_y: false} : float32[3,2]
      %16 = BatchMatMulV3(%13, %14) {Ta: 14, Tb: 14, Tout: 1, adj_x: false, adj_y: false} : float32[3,2]
      return output:y: %4, output:g: %15, output:a: %16
      "
    `)
    expect([...functions.keys()]).toEqual(['f_round_transpose_5x3', 'f_transpose_round_5x3'])
  })

  test('leaves transpositions to the product on a GPU', () => {
    const { program, functions } = bfloat16Products(layer(), 'f', true)
    expect(printProgram(program)).toContain('adj_x: true')
    expect(printProgram(program)).not.toContain('StatelessIf')
    expect(functions.size).toBe(0)
  })
})

/** The nearest number with 8 significant bits; of two, the even one. */
function rounded(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  const word = bits[0] as number
  bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000
  return new Float32Array(bits.buffer)[0] as number
}

/** Runs a step as `scan` does, whatever the processor is fast at. */
async function run(step: Step<object>, shape: readonly number[], precision: Precision): Promise<Outputs> {
  const steps = compileSteps(tf.backend() as NodeBackend, step as Step<object, Inputs>, {
    precision,
    choice: { mode: 'xla', reason: 'a test' },
  })
  const { outputs } = await steps.run(callOf(await stacked(floatBatches(4, shape)), { key: 1 }))
  steps.dispose()
  return outputs
}

describe.skipIf(skipped !== '')(`a step in bfloat16${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each<[what: string, other: number[], transposed: [boolean, boolean]]>([
    ['x w', [8, 6], [false, false]],
    ['x^T w', [12, 6], [true, false]],
    ['x w^T', [6, 8], [false, true]],
    ['x^T w^T', [6, 12], [true, true]],
  ])('multiplies rounded operands with float32 sums: %s', async (_, shape, transposed) => {
    const w = weights(shape)
    const product = (x: tf.Tensor, w: tf.Tensor) => tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, ...transposed)
    const { y } = await run(x => ({ y: product(x, w) }), [12, 8], 'bfloat16')
    const first = tf.tensor(floatBatches(4, [12, 8]).data.slice(0, 12 * 8), [12, 8])
    const rounding = (x: tf.Tensor) => tf.tensor(x.dataSync<'float32'>().map(rounded), x.shape)
    const expected = product(rounding(first), rounding(w)).dataSync()
    expectClose(y?.subarray(0, expected.length) ?? [], expected, 1e-5, 'y')
    expect(y?.subarray(0, expected.length)).not.toEqual(product(first, w).dataSync())
  })

  test('rounds nothing where every operand has 8 significant bits', async () => {
    const step: Step<object> = x => {
      const small = tf.round(tf.mul(x as tf.Tensor2D, 16)) as tf.Tensor2D
      return { y: tf.matMul(small, small, true) }
    }
    const [float32, bfloat16] = [await run(step, [6, 5], 'float32'), await run(step, [6, 5], 'bfloat16')]
    expect(bfloat16).toEqual(float32)
  })

  test('is refused by auto where XLA is slow at an operation', async () => {
    const step: Step<object> = x => ({ y: tf.conv3d(x as tf.Tensor5D, tf.ones([2, 2, 2, 2, 1]), 1, 'same') })
    const steps = compileSteps(tf.backend() as NodeBackend, step as Step<object, Inputs>, { precision: 'bfloat16' })
    const call = callOf<object>(await stacked(floatBatches(1, [1, 4, 4, 4, 2])), {})
    await expect(steps.run(call)).rejects.toThrow('precision bfloat16 needs XLA, which is slow at Conv3D on CPUs')
  })

  test('learns what float32 learns, and keeps weights and optimizer in float32', async () => {
    const learned = async (precision: Precision) => {
      const w = weights([8, 4])
      w.assign(tf.linspace(-1, 1, 32).reshape([8, 4]))
      const step = training(x => tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), 1)))
      const { loss } = await run(step, [16, 8], precision)
      return { loss: Array.from(loss ?? []), w: w.dataSync() }
    }
    const [float32, bfloat16] = [await learned('float32'), await learned('bfloat16')]
    expect(bfloat16.loss).not.toEqual(float32.loss)
    expectClose(bfloat16.loss, float32.loss, 0.02, 'losses')
    expectClose(bfloat16.w, float32.w, 1e-3, 'weights')
    expect(Array.from(bfloat16.w, rounded)).not.toEqual([...bfloat16.w])
  })
})

describe('bfloat16 is refused', () => {
  const step: Step<object> = x => ({ y: x })

  test.each(['graph', 'off'] as const)('in mode %s', async mode => {
    await useBackend('cpu')
    expect(() => scan(step, { precision: 'bfloat16', mode })).toThrow(
      `precision bfloat16: mode ${mode} computes in float32; use precision float32, or mode xla`,
    )
  })

  test('on a backend that cannot compile', async () => {
    await useBackend('cpu')
    expect(() => scan(step, { precision: 'bfloat16' })).toThrow(
      'precision bfloat16: the backend cpu computes in float32; use precision float32',
    )
    expect(scan(step, { precision: 'float32' }).choice?.mode).toBe('off')
  })

  test('on a processor without instructions for it', () => {
    const host = (cpuFlags: string[], platform = 'linux-x64') => bfloat16Problem({ platform, glibc: '2.36', cpuFlags })
    expect(host(['avx', 'avx512_bf16'])).toBeUndefined()
    expect(host(['avx', 'amx_bf16'])).toBeUndefined()
    expect(host(['avx', 'avx512f'])).toContain('this processor has neither amx_bf16 nor avx512_bf16')
    expect(host(['bf16'], 'linux-arm64')).toContain('on x86 processors only, and this is linux-arm64')
  })

  test('under another name', () => {
    expect(() => scan(step, { precision: 'half' as 'bfloat16' })).toThrow(
      'precision must be one of float32, bfloat16, got "half"',
    )
  })
})
