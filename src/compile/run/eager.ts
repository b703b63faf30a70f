/** Runs steps eagerly, one TF.js operation at a time, on any backend. */
import * as tf from '#tfjs'
import { noKey, readable } from '../check-call.js'
import { asGiven, tensorsOf } from '../inputs.js'
import { requireTensors } from '../record/outputs.js'
import { type Call, concatenate, type Inputs, type Outputs, type Step, type StepRunner } from '../step.js'

const MOST_STEPS = 200

/** Runs `step` in a loop on the current TF.js backend and frees its tensors. `reason`: why it is not compiled. */
export function eagerSteps<S>(step: Step<S, Inputs>, reason: string): StepRunner<S> {
  return {
    choice: { mode: 'off', reason },
    mostSteps: MOST_STEPS,
    async run(call) {
      const { count } = call.batches
      const started = performance.now()
      const perStep: Outputs[] = []
      for (let i = 0; i < count; i++) {
        perStep.push(await runOne(step, call, i))
        await tf.nextFrame() // lets signals, timers and progress bars through
      }
      const outputs = concatenate(perStep)
      return { outputs, stepMs: (performance.now() - started) / count }
    },
    dispose() {},
  }
}

async function runOne<S>(step: Step<S, Inputs>, { batches, keys, schedules }: Call<S>, i: number): Promise<Outputs> {
  const key = keys?.[i] ?? noKey()
  const outputs = tf.tidy(() => {
    const given = requireTensors(
      step(asGiven(batches, tensorsOf(batches, i)), key, readable(schedules[i] as S & object)),
    )
    // A step may return a variable, which must not be freed with the outputs.
    return Object.fromEntries(Object.entries(given).map(([name, output]) => [name, tf.clone(output)]))
  })
  const names = Object.keys(outputs)
  const values = await Promise.all(names.map(name => (outputs[name] as tf.Tensor).data<'float32'>()))
  tf.dispose(outputs)
  return Object.fromEntries(names.map((name, n) => [name, values[n] as Float32Array]))
}
