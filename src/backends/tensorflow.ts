/** Native TensorFlow on the CPU: tfjs-node's kernels on libtensorflow's C API. */
import { availableParallelism } from 'node:os'
import * as tf from '@tensorflow/tfjs'
import { type Binding, createBinding } from '../libtensorflow/binding.js'
import { openLibrary } from '../libtensorflow/c-api.js'
import { installedLibrary, lastFailure, libraryDirectory, unsupportedReason } from '../libtensorflow/location.mjs'
import { createNodeBackend } from '../libtensorflow/node-backend.js'
import { type BackendOptions, BackendRefusal, type Candidate } from './backend.js'

const NAME = 'tensorflow'

export const tensorflow: Candidate = {
  name: NAME,
  async open(options) {
    const binding = openBinding(findLibrary(), options)
    if (!tf.findBackendFactory(NAME)) tf.registerBackend(NAME, () => createNodeBackend(binding), 3)
    return {
      name: NAME,
      tfjsName: NAME,
      version: `TensorFlow ${binding.TF_Version}`,
      device: `CPU, ${availableParallelism()} threads`,
    }
  },
}

function findLibrary(): string {
  const unsupported = unsupportedReason()
  if (unsupported) throw new BackendRefusal(NAME, unsupported.reason, unsupported.fix)
  const directory = installedLibrary()
  if (directory) return directory
  const failure = lastFailure()
  if (failure) throw new BackendRefusal(NAME, failure.reason, failure.fix)
  throw new BackendRefusal(
    NAME,
    `native TensorFlow is not in ${libraryDirectory()}`,
    'run `npm run setup`, which fetches it',
  )
}

function openBinding(directory: string, { debug }: BackendOptions): Binding {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= debug ? '0' : '2' // read by the library when it loads
  try {
    return createBinding(openLibrary(directory))
  } catch (error) {
    throw new BackendRefusal(NAME, (error as Error).message, 'remove that folder and run `npm run setup`')
  }
}
