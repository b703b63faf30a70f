// The types of TF.js as src/ imports it (#tfjs).
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'

export * from '@tensorflow/tfjs-core'
export * from '@tensorflow/tfjs-layers'
