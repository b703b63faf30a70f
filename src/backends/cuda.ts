/**
 * Native TensorFlow on an NVIDIA GPU: the CUDA build of the same library, with the same interface and tfjs-node's kernels.
 * @tensorflow/tfjs-node-gpu is not needed: it has the same JavaScript as tfjs-node (its backend class checks the package's name, which
 * `createNodeBackend` passes), another C++ addon and a download of TensorFlow for CUDA 11; the latter two are not used here.
 * docs/gpu.md says what has run on a GPU; `scripts/check-gpu.mjs` compares yours with the CPU.
 */
import { ATTRIBUTE_TYPES } from '../libtensorflow/attributes.js'
import type { Binding } from '../libtensorflow/binding.js'
import { setFullFloat32 } from '../libtensorflow/c-api.js'
import { cudaWheel } from '../libtensorflow/cuda-build.js'
import type { Gpu } from '../libtensorflow/cuda-driver.js'
import { loadNvidiaLibraries } from '../libtensorflow/cuda-library.js'
import { DTYPES } from '../libtensorflow/dtypes.js'
import { cachedLibrary } from '../libtensorflow/location.js'
import { type BackendCandidate, type BackendOptions, BackendRefusal } from './backend.js'
import { findGpu, thisHost } from './cuda-diagnosis.js'
import { loadedDirectory, openNative, register, TFJS_NAME } from './native.js'

const NAME = 'cuda'

export const cuda: BackendCandidate = {
  name: NAME,
  async open(options) {
    const gpu = findGpu(thisHost())
    if ('reason' in gpu) throw new BackendRefusal(NAME, gpu.reason, gpu.fix, gpu.isExpected)
    const binding = openBinding(options)
    requireGpu(binding)
    register(binding)
    return {
      name: NAME,
      tfjsName: TFJS_NAME,
      version: `TensorFlow ${binding.TF_Version} for CUDA`,
      device: describeGpu(gpu),
    }
  },
}

/** Such as 'NVIDIA A100 (39.4 GiB, compute capability 8.0)'. */
const describeGpu = ({ name, memory, capability }: Gpu): string =>
  `${name} (${(memory / 2 ** 30).toFixed(1)} GiB, compute capability ${capability.join('.')})`

function openBinding(options: BackendOptions): Binding {
  const directory = cachedLibrary(cudaWheel)
  const other = loadedDirectory()
  if (other !== undefined && other !== directory) {
    const reason = `this process has already loaded another build of TensorFlow, ${other}`
    throw new BackendRefusal(NAME, reason, 'open the backend cuda before any other')
  }
  try {
    loadNvidiaLibraries()
    const binding = openNative(NAME, directory, options, { gpu: true })
    // TF32 keeps 10 bits of each factor's mantissa: too few for gradients and bounds to agree with other backends.
    setFullFloat32(directory)
    return binding
  } catch (error) {
    if (error instanceof BackendRefusal) throw error
    throw new BackendRefusal(NAME, (error as Error).message, 'remove that file and run `npx elbo setup --cuda`')
  }
}

/** Throws a `BackendRefusal` unless TensorFlow computes a correct product on its first GPU: it silently falls back to the CPU. */
function requireGpu(binding: Binding): void {
  const fix =
    "see TensorFlow's messages: `TF_CPP_MAX_VLOG_LEVEL=1 TF_CPP_VMODULE=dso_loader=1 elbo backends --debug` names a library that is missing"
  if (!binding.isUsingGpuDevice())
    throw new BackendRefusal(NAME, "TensorFlow does not use the GPU, although NVIDIA's driver finds it", fix)
  let device: string
  try {
    device = deviceOfProduct(binding)
  } catch (error) {
    throw new BackendRefusal(NAME, `TensorFlow cannot compute on the GPU: ${(error as Error).message}`, fix)
  }
  if (!device.endsWith('device:GPU:0'))
    throw new BackendRefusal(NAME, `TensorFlow computed on ${device} instead of the GPU`, fix)
}

/** The device that holds [[1, 2], [3, 4]] squared; throws an Error if that is not [[7, 10], [15, 22]]. */
function deviceOfProduct(binding: Binding): string {
  const matrix = binding.createTensor([2, 2], DTYPES.TF_FLOAT, Float32Array.of(1, 2, 3, 4))
  const transposed = { type: ATTRIBUTE_TYPES.TF_ATTR_BOOL, value: false }
  const attributes = [
    { name: 'T', type: ATTRIBUTE_TYPES.TF_ATTR_TYPE, value: DTYPES.TF_FLOAT },
    { name: 'transpose_a', ...transposed },
    { name: 'transpose_b', ...transposed },
  ]
  const [product] = binding.executeOp('MatMul', attributes, [matrix, matrix], 1)
  binding.deleteTensor(matrix)
  if (!product) throw new Error('MatMul returned nothing')
  const values = [...binding.tensorDataSync(product.id)]
  const device = binding.deviceOf(product.id)
  binding.deleteTensor(product.id)
  if (values.join() !== '7,10,15,22') throw new Error(`it computed ${values.join(', ')} instead of 7, 10, 15, 22`)
  return device
}
