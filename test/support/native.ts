/** Native TensorFlow for the tests that need it, or the reason why they are skipped. */
import { createBinding } from '../../src/libtensorflow/binding.js'
import { openLibrary } from '../../src/libtensorflow/c-api.js'
import { installedLibrary, libraryDirectory } from '../../src/libtensorflow/location.js'

const directory = installedLibrary()

/** For the name of a suite: empty if TensorFlow is here. */
export const skipped =
  directory === undefined ? ` (skipped: no TensorFlow in ${libraryDirectory() ?? 'this platform'}; npm run setup)` : ''

/** The folder of TensorFlow's libraries. */
export function nativeDirectory(): string {
  if (directory === undefined) throw new Error('no native TensorFlow here')
  return directory
}

export function openBinding() {
  return createBinding(openLibrary(nativeDirectory()))
}
