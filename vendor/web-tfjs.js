// TF.js as browser code imports it (#tfjs): core with gradients and chained methods, and layers. Backends are loaded one by one.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'

export * from '@tensorflow/tfjs-core'
export * from '@tensorflow/tfjs-layers'
