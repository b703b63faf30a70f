/**
 * An all-reduce without anything else, as a candidate of `elbo bench`: node all-reduce-worker.js JSON, with an `AllReduceWork` as JSON. It follows the
 * protocol of interleave.ts; a step is one all-reduce.
 */
import * as tf from '#tfjs'
import type { BackendOptions } from '../../backends/backend.js'
import { openBackend } from '../../backends/candidates.js'
import { allReduceMean } from '../../collectives/all-reduce.js'
import { scan } from '../../compile/scan.js'
import { serve } from './serve.js'

export interface AllReduceWork {
  /** float32 values that travel. */
  values: number
  options: BackendOptions
}

const { values, options } = JSON.parse(process.argv[2] ?? '') as AllReduceWork
process.on('SIGINT', () => {}) // the parent process decides when this one ends
await openBackend('tensorflow', options)
const vector = tf.variable(tf.ones([values]))
const reducing = scan(() => ({ first: tf.sum(tf.slice(allReduceMean([vector])[0] as tf.Tensor, 0, 1)) }), {
  mode: 'graph',
})

await serve(steps => reducing.run({ data: new Float32Array(steps), shape: [steps, 1] }))
process.exit()
