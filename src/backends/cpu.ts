/** Plain JavaScript, TF.js's reference implementation: runs everywhere, slowly. */
import * as tf from '#tfjs'
import type { BackendCandidate } from './backend.js'
import { registerNegativeAxes } from './negative-axes.js'

export const cpu: BackendCandidate = {
  name: 'cpu',
  async open() {
    registerNegativeAxes('cpu')
    return {
      name: 'cpu',
      tfjsName: 'cpu',
      version: `TF.js ${tf.version_core}`,
      device: 'CPU, 1 thread of JavaScript',
    }
  },
}
