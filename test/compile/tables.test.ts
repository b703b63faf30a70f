// Inputs that are rows of a table: the same as the values of those rows, whether they are copied or the compiled loop holds the table.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { saveState } from '../../src/compile/record/state.js'
import { compileSteps } from '../../src/compile/run/compiled-steps.js'
import { scan } from '../../src/compile/scan.js'
import type { Input, Inputs, Step, TableRows } from '../../src/compile/step.js'
import type { NodeBackend } from '../../src/libtensorflow/node-backend.js'
import { keyAt, permutation, uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { byteBatches, keys, root, weights } from '../support/steps.js'

const [ROWS, BATCH, STEPS] = [50, 4, 12] as const
const table = byteBatches(ROWS, [3, 2])
const rows = Int32Array.from({ length: STEPS * BATCH }, (_, i) => permutation(keyAt(root, i), ROWS)[0] as number)

/** The values of the same rows. */
function copied({ data, shape: [, ...row], dtype }: typeof table) {
  const width = tf.util.sizeFromShape(row)
  const values = [...rows].flatMap(number => [...data.subarray(number * width, (number + 1) * width)])
  return { data: Uint8Array.from(values), shape: [STEPS, BATCH, ...row], dtype }
}

/** Gradient descent on noisy images. */
function descent(): Step<object> {
  const w = weights([6, 1])
  const optimizer = tf.train.adam(0.05)
  return (x, key) => {
    const loss = () => {
      const noisy = tf.add(tf.reshape(tf.div(x, 255), [BATCH, 6]), uniform(key, [BATCH, 6]))
      return tf.mean(tf.square(tf.matMul(noisy as tf.Tensor2D, w as unknown as tf.Tensor2D))) as tf.Scalar
    }
    return { loss: optimizer.minimize(loss, true) as tf.Tensor, sum: tf.sum(x) }
  }
}

const modes = skipped === '' ? (['off', 'xla', 'graph'] as const) : (['off'] as const)

describe.each(modes)('%s', mode => {
  beforeAll(() => useBackend(skipped === '' ? 'tensorflow' : 'cpu'))
  afterEach(() => tf.disposeVariables())

  test('rows of a table give what their values give', async () => {
    const byRows: TableRows = { table, rows, shape: [STEPS, BATCH] }
    const { sum } = await scan((x: tf.Tensor) => ({ sum: tf.sum(x, [1, 2]) }), { mode }).run(byRows)
    const { data } = copied(table)
    const expected = Array.from({ length: STEPS * BATCH }, (_, i) =>
      data.subarray(6 * i, 6 * i + 6).reduce((total, level) => total + level),
    )
    expect([...(sum as Float32Array)]).toEqual(expected)
  })

  test('they can stand beside other inputs, and be streamed', async () => {
    const steps = scan(({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => ({ y: tf.mul(tf.sum(x), y) }), { mode })
    const y = { data: Float32Array.from({ length: STEPS }, (_, i) => i), shape: [STEPS] }
    const expected = await steps.run({ x: copied(table), y })
    const parts: number[] = []
    for await (const { outputs } of steps.stream({ x: { table, rows, shape: [STEPS, BATCH] }, y }))
      parts.push(...(outputs.y as Float32Array))
    expect(parts).toEqual([...(expected.y as Float32Array)])
  })
})

describe.skipIf(skipped !== '')(`tables in the loop${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  const call = (input: Pick<Input, 'data' | 'shape' | 'rows'>, count: number) => ({
    batches: { count, inputs: [{ name: 'batch', dtype: 'float32' as const, ...input }], single: true },
    keys: keys(count),
    schedules: Array.from({ length: count }, () => ({})),
  })
  const compiled = (step: Step<object>, holdsTables: boolean) =>
    compileSteps(tf.backend() as NodeBackend, step as Step<object, Inputs>, {
      precision: 'float32',
      choice: { mode: 'xla', reason: 'for the test' },
      holdsTables,
    })
  const input = { data: table.data, shape: [BATCH, 3, 2], rows }

  test('give the same bits as copied rows, also if the table changes between calls', async () => {
    const other = table.data.map(level => 255 - level)
    const outcomes: unknown[] = []
    const step = descent()
    for (const holdsTables of [false, true]) {
      const state = saveState()
      const runner = compiled(step, holdsTables)
      const results = []
      for (const data of [table.data, table.data, other])
        results.push((await runner.run(call({ ...input, data }, STEPS))).outputs)
      outcomes.push(results)
      runner.dispose()
      state.restore()
    }
    expect(outcomes[1]).toEqual(outcomes[0])
  })

  test('are sent once, also if each call gives another view of them', async () => {
    const { binding } = tf.backend() as NodeBackend
    const sent = vi.spyOn(binding, 'createTensor')
    const runner = compiled(x => ({ sum: tf.sum(x) }), true)
    for (let i = 0; i < 3; i++) await runner.run(call({ ...input, data: table.data.subarray(0) }, STEPS))
    expect(sent.mock.calls.filter(([shape]) => shape[0] === ROWS)).toHaveLength(1)
    const before = binding.getNumOfTensors()
    runner.dispose()
    expect(binding.getNumOfTensors()).toBe(before - 1)
    sent.mockRestore()
  })

  test('leave room for large outputs: a call then runs fewer steps', async () => {
    const runner = compiled(x => ({ copies: tf.tile(x, [5000, 1, 1]) }), true) // 480,000 bytes a step
    await runner.run(call(input, 1))
    expect(runner.mostSteps).toBe(34)
    runner.dispose()
  })

  test('run more steps in one call than where values are fed', async () => {
    const count = 1001
    const many = Int32Array.from({ length: count * BATCH }, (_, i) => rows[i % rows.length] as number)
    const sum = (x: tf.Tensor) => ({ sum: tf.sum(x) })
    const [held, fed] = [compiled(sum, true), compiled(sum, false)]
    const outputs = (await held.run(call({ ...input, rows: many }, count))).outputs
    expect(outputs).toEqual((await fed.run(call({ ...input, rows: many }, count))).outputs)
    expect([held.mostSteps, fed.mostSteps]).toEqual([1000, 200])
    for (const runner of [held, fed]) runner.dispose()
  })
})
