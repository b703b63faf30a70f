// Loads what the CUDA build of TensorFlow needs before it is opened.
import { preload } from './c-api.js'
import { cudaDataDirectory, nvidiaLibraries } from './cuda-build.js'
import { setEnvironment } from './process.js'

/**
 * Loads NVIDIA's libraries one by one, so that TensorFlow finds them by name, whatever LD_LIBRARY_PATH says, and an error names the library
 * that cannot be loaded; and tells XLA where libdevice and ptxas are, and what it may put into one CUDA graph.
 */
export function loadNvidiaLibraries(): void {
  for (const library of nvidiaLibraries()) preload(library)
  setEnvironment('XLA_FLAGS', withFlags(process.env.XLA_FLAGS, cudaDataDirectory()))
}

/**
 * What may be part of a CUDA graph: what XLA allows by itself, and the loop over the steps, which otherwise waits for the computer after each
 * step. XLA leaves loops out where the driver has none (before CUDA 12.3).
 */
const IN_GRAPHS = 'FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL,DYNAMIC_SLICE_FUSION'

/** XLA's flags of the user, and those of elbo that the user has not set. */
export function withFlags(given: string | undefined, dataDirectory: string): string {
  const own = { xla_gpu_cuda_data_dir: dataDirectory, xla_gpu_enable_command_buffer: IN_GRAPHS }
  const flags = given?.trim() ? [given.trim()] : []
  for (const [name, value] of Object.entries(own)) if (!given?.includes(`--${name}=`)) flags.push(`--${name}=${value}`)
  return flags.join(' ')
}
