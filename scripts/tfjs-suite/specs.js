// The entry point of the bundle that bundle.mjs builds; not meant to be run itself.
import * as core from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops'
import '@tensorflow/tfjs-core/dist/register_all_gradients'
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util'

/** The modules that our backend gets instead of the package's own, so that it registers with the copy under test. */
export const modules = {
  '@tensorflow/tfjs-core': () => core,
  '#tfjs-node': () => {
    require('@tensorflow/tfjs-node/dist/register_all_kernels.js')
    return {
      ...require('@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js'),
      ...require('@tensorflow/tfjs-node/dist/io/file_system.js'),
    }
  },
}

/** Makes `backend` the only backend of TF.js, and declares all specs on it. */
export async function describeSpecs(backend) {
  core.registerBackend('tensorflow', () => backend, 3)
  await core.setBackend('tensorflow')
  setTestEnvs([{ name: 'test-tensorflow', backendName: 'tensorflow', flags: {}, isDataSync: true }])
  require('@tensorflow/tfjs-core/dist/tests')
}
