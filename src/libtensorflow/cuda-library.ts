// Loads what the CUDA build of TensorFlow needs before it is opened.
import { preload } from './c-api.js'
import { cudaDataDirectory, nvidiaLibraries } from './cuda-build.js'
import { setEnvironment } from './process.js'

/**
 * Loads NVIDIA's libraries one by one, so that TensorFlow finds them by name, whatever LD_LIBRARY_PATH says, and an error names the library
 * that cannot be loaded; and tells XLA where libdevice and ptxas are.
 */
export function loadNvidiaLibraries(): void {
  for (const library of nvidiaLibraries()) preload(library)
  setEnvironment('XLA_FLAGS', withDataDirectory(process.env.XLA_FLAGS))
}

const DATA_FLAG = '--xla_gpu_cuda_data_dir='

/** XLA's flags, with the folder of libdevice and ptxas unless the user has set one. */
const withDataDirectory = (flags = ''): string =>
  flags.includes(DATA_FLAG) ? flags : `${flags} ${DATA_FLAG}${cudaDataDirectory()}`.trim()
