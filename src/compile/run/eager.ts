/** Steps one TF.js operation at a time, on any backend. */
import * as tf from '@tensorflow/tfjs'
import type { HostKey } from '../../random.js'
import { requireTensors } from '../record/outputs.js'
import type { Batches, Outputs, Step } from '../scan.js'

/** Runs the steps in a loop on the current TF.js backend; frees everything that it makes. */
export async function runEagerly<S>(
  step: Step<S>,
  batches: Batches,
  keys: readonly HostKey[],
  schedules: readonly S[],
): Promise<Outputs> {
  const perStep: Outputs[] = []
  for (let i = 0; i < batches.count; i++) {
    perStep.push(await runOne(step, batches, i, keys[i] as HostKey, schedules[i] as S))
    await tf.nextFrame() // lets signals, timers and progress bars through
  }
  return concatenate(perStep)
}

async function runOne<S>(
  step: Step<S>,
  { data, shape }: Batches,
  i: number,
  key: HostKey,
  schedule: S,
): Promise<Outputs> {
  const size = tf.util.sizeFromShape([...shape])
  const outputs = tf.tidy(() => {
    const batch = tf.tensor(Float32Array.from(data.subarray(i * size, (i + 1) * size)), [...shape])
    return requireTensors(step(batch, key, schedule))
  })
  const names = Object.keys(outputs)
  const values = await Promise.all(names.map(name => (outputs[name] as tf.Tensor).data<'float32'>()))
  tf.dispose(outputs)
  return Object.fromEntries(names.map((name, n) => [name, values[n] as Float32Array]))
}

/** The outputs of several runs as those of one. */
export function concatenate(runs: readonly Outputs[]): Outputs {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(
    names.map(name => {
      const parts = runs.map(outputs => outputs[name] as Float32Array)
      const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0))
      let offset = 0
      for (const part of parts) {
        whole.set(part, offset)
        offset += part.length
      }
      return [name, whole]
    }),
  )
}

/** The outputs of so many steps, each by itself. */
export function eachStep(outputs: Outputs, steps: number): Outputs[] {
  const part = (values: Float32Array, step: number) =>
    values.subarray((step * values.length) / steps, ((step + 1) * values.length) / steps)
  return Array.from({ length: steps }, (_, step) =>
    Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, part(values, step)])),
  )
}
