// The entry point of the bundle of src/libtensorflow/ that bundle.mjs builds; not meant to be run itself.
export { createBinding } from '../../src/libtensorflow/binding.ts'
export { openLibrary, setFullFloat32 } from '../../src/libtensorflow/c-api.ts'
export { sessionConfig } from '../../src/libtensorflow/context.ts'
export { cudaWheel } from '../../src/libtensorflow/cuda-build.ts'
export { loadNvidiaLibraries } from '../../src/libtensorflow/cuda-library.ts'
export { cachedLibrary, libraryDirectory } from '../../src/libtensorflow/location.ts'
export { createNodeBackend } from '../../src/libtensorflow/node-backend.ts'
