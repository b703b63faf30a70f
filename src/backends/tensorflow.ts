/** Native TensorFlow on the CPU: tfjs-node's kernels on libtensorflow's C API. */
import type { Binding } from '../libtensorflow/binding.js'
import { installedLibrary, lastFailure, libraryDirectory, unsupportedReason } from '../libtensorflow/location.mjs'
import { type BackendCandidate, type BackendOptions, BackendRefusal } from './backend.js'
import { countThreads, loadedDirectory, openNative, register, TFJS_NAME, threadsOf } from './native.js'

const NAME = 'tensorflow'

export const tensorflow: BackendCandidate = {
  name: NAME,
  async open(options) {
    const binding = openBinding(loadedDirectory() ?? findLibrary(), options)
    register(binding)
    return {
      name: NAME,
      tfjsName: TFJS_NAME,
      version: `TensorFlow ${binding.TF_Version}`,
      device: `CPU, ${countThreads(threadsOf(options))}`,
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

function openBinding(directory: string, options: BackendOptions): Binding {
  try {
    return openNative(NAME, directory, options, { gpu: false })
  } catch (error) {
    if (error instanceof BackendRefusal) throw error
    throw new BackendRefusal(NAME, (error as Error).message, 'remove that folder and run `npm run setup`')
  }
}
