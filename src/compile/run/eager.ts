/** Runs steps eagerly, one TF.js operation at a time, on any backend. */
import * as tf from '#tfjs'
import type { HostKey } from '../../random.js'
import { readable } from '../check-call.js'
import { requireTensors } from '../record/outputs.js'
import { type Batches, concatenate, type Outputs, type Step, type StepRunner } from '../step.js'

const MOST_STEPS = 200

/** Runs `step` in a loop on the current TF.js backend and frees its tensors. `reason`: why it is not compiled. */
export function eagerSteps<S>(step: Step<S>, reason: string): StepRunner<S> {
  return {
    choice: { mode: 'off', reason },
    mostSteps: MOST_STEPS,
    async run(batches, keys, schedules) {
      const started = performance.now()
      const perStep: Outputs[] = []
      for (let i = 0; i < batches.count; i++) {
        perStep.push(await runOne(step, batches, i, keys[i] as HostKey, readable(schedules[i] as S & object)))
        await tf.nextFrame() // lets signals, timers and progress bars through
      }
      const outputs = concatenate(perStep)
      return { outputs, stepMs: (performance.now() - started) / batches.count }
    },
    dispose() {},
  }
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
