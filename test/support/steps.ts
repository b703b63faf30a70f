/** Steps written as any user of TF.js would write them, for the tests that compare compiled with eager. */
import * as tf from '@tensorflow/tfjs'
import { expect } from 'vitest'
import { registeredVariables, saveState } from '../../src/compile/record/state.js'
import { scan } from '../../src/compile/scan.js'
import type { ArrayValues, ScanOptions, Step } from '../../src/compile/step.js'
import { type HostKey, keyAt, uniformValues } from '../../src/random.js'
import { expectClose } from './expectations.js'

export const root: HostKey = [7, 11]

type StackedBytes = ArrayValues & { readonly data: Uint8Array }
type StackedFloats = ArrayValues & { readonly data: Float32Array }

/** `count` batches of uniform noise in 0 … 255, as bytes. */
export function byteBatches(count: number, shape: readonly number[]): StackedBytes {
  const values = uniformValues(root, count * tf.util.sizeFromShape([...shape]))
  return { data: Uint8Array.from(values, value => 256 * value), shape: [count, ...shape], dtype: 'float32' }
}

/** `count` batches of uniform noise in (0, 1). */
export function floatBatches(count: number, shape: readonly number[]): StackedFloats {
  return { data: uniformValues(root, count * tf.util.sizeFromShape([...shape])), shape: [count, ...shape] }
}

export const keys = (count: number): HostKey[] => Array.from({ length: count }, (_, i) => keyAt(root, i))

/** A variable of seeded noise in ±limit. */
export function weights(shape: number[], limit = 0.3): tf.Variable {
  const values = uniformValues(keyAt(root, weightCount++), tf.util.sizeFromShape(shape))
  return tf.tidy(() =>
    tf.variable(
      tf.tensor(
        values.map(value => limit * (2 * value - 1)),
        shape,
      ),
    ),
  )
}
let weightCount = 0

/** Gradient descent on what `loss` makes of a batch. */
export function training(
  loss: (batch: tf.Tensor) => tf.Tensor,
  optimizer: tf.Optimizer = tf.train.sgd(0.01),
): Step<object> {
  return batch => ({ loss: optimizer.minimize(() => tf.mean(loss(batch)) as tf.Scalar, true) as tf.Tensor })
}

/** Runs `step` eagerly and compiled from the same state; every variable and output must come out the same within 1e-4 of its largest value. */
export async function expectSameAsEager<S extends { readonly [Name in keyof S]: number }>(
  step: Step<S>,
  batches: ArrayValues,
  schedules: readonly S[],
  mode: ScanOptions['mode'],
): Promise<void> {
  const state = saveState()
  const eager = await outcome(step, batches, schedules, 'off')
  state.restore()
  const compiled = await outcome(step, batches, schedules, mode)
  expect([...compiled.keys()]).toEqual([...eager.keys()])
  for (const [name, values] of eager) {
    const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
    expectClose(compiled.get(name) ?? [], values, 1e-4 * largest, name)
  }
}

async function outcome<S extends { readonly [Name in keyof S]: number }>(
  step: Step<S>,
  batches: ArrayValues,
  schedules: readonly S[],
  mode: ScanOptions['mode'],
): Promise<Map<string, ArrayLike<number>>> {
  const runner = scan(step, { mode })
  const outputs = await runner.run(batches, { keys: keys(batches.shape[0] as number), schedules })
  runner.dispose()
  const variables = registeredVariables().map(variable => [variable.name, variable.dataSync()] as const)
  return new Map<string, ArrayLike<number>>([...Object.entries(outputs), ...variables])
}
