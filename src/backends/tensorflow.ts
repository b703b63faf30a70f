/** Native TensorFlow on the CPU: tfjs-node's kernels on libtensorflow's C API. */
import type { Binding } from '../libtensorflow/binding.js'
import { cacheProblem, installedLibrary, lastFailure, libraryDirectory } from '../libtensorflow/location.js'
import { unsupportedReason } from '../libtensorflow/machine.js'
import type { Reason } from '../libtensorflow/wheels.js'
import { type BackendCandidate, type BackendOptions, BackendRefusal } from './backend.js'
import { countThreads, loadedDirectory, openNative, register, TFJS_NAME, threadsOf } from './native.js'

const NAME = 'tensorflow'

export const tensorflow: BackendCandidate = {
  name: NAME,
  async open(options) {
    const binding = openBinding(loadedDirectory() ?? (await findLibrary(options)), options)
    register(binding)
    return {
      name: NAME,
      tfjsName: TFJS_NAME,
      version: `TensorFlow ${binding.TF_Version}`,
      device: `CPU, ${countThreads(threadsOf(options))}`,
    }
  },
}

async function findLibrary({ install }: BackendOptions): Promise<string> {
  refuseFor(unsupportedReason() ?? (process.env.LIBTENSORFLOW_DIR ? undefined : cacheProblem()))
  const before = installedLibrary()
  if (before) return before
  refuseFor(await install?.())
  const directory = installedLibrary()
  if (directory) return directory
  refuseFor(lastFailure())
  throw new BackendRefusal(
    NAME,
    `native TensorFlow is not in ${libraryDirectory()}, or damaged there`,
    'run `npx elbo setup`, which fetches it',
  )
}

function refuseFor(problem: Reason | undefined): void {
  if (problem) throw new BackendRefusal(NAME, problem.reason, problem.fix)
}

function openBinding(directory: string, options: BackendOptions): Binding {
  try {
    return openNative(NAME, directory, options, { gpu: false })
  } catch (error) {
    if (error instanceof BackendRefusal) throw error
    throw new BackendRefusal(NAME, (error as Error).message, 'remove that folder and run `npx elbo setup`')
  }
}
