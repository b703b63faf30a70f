// TF.js as src/ imports it (#tfjs): core with gradients and chained methods, layers, and the plain JavaScript backend. The union package
// @tensorflow/tfjs is the same with WebGL, polyfills and their install script, none of which Node needs.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
import '@tensorflow/tfjs-backend-cpu'

export * from '@tensorflow/tfjs-core'
export * from '@tensorflow/tfjs-layers'
