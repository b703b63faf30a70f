// The entry point of the bundle of src/libtensorflow/ that bundle.mjs builds; not meant to be run itself.
export { createBinding } from '../../src/libtensorflow/binding.ts'
export { openLibrary } from '../../src/libtensorflow/c-api.ts'
export { libraryDirectory } from '../../src/libtensorflow/location.ts'
export { createNodeBackend } from '../../src/libtensorflow/node-backend.ts'
