/**
 * TF.js's WebAssembly backend: SIMD on the CPU, no native library. It has one thread, because Node refuses workers from blob: URLs
 * (tensorflow/tfjs issue 3830).
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as tf from '#tfjs'
import { type BackendCandidate, BackendRefusal } from './backend.js'
import { registerConvolutionGradients } from './convolution-gradients.js'
import { registerNegativeAxes } from './negative-axes.js'
import { registerTransposedProduct } from './transposed-product.js'
import { registerWasmKernels } from './wasm-kernels.js'

export const wasm: BackendCandidate = {
  name: 'wasm',
  async open() {
    if (!('WebAssembly' in globalThis)) {
      throw new BackendRefusal('wasm', 'this JavaScript engine has no WebAssembly', 'run Node without --jitless')
    }
    const backend = await import('@tensorflow/tfjs-backend-wasm')
    const require = createRequire(import.meta.url)
    backend.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep)
    if (!(await tf.setBackend('wasm'))) {
      throw new BackendRefusal('wasm', 'its WebAssembly module did not start', 'install the npm packages again')
    }
    registerConvolutionGradients()
    registerTransposedProduct('wasm')
    registerWasmKernels()
    registerNegativeAxes('wasm')
    const threads = backend.getThreadsCount()
    return {
      name: 'wasm',
      tfjsName: 'wasm',
      version: `TF.js WebAssembly ${backend.version_wasm}`,
      device: `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    }
  },
}
