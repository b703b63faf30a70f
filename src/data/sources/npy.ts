/** One NumPy array of images, gzipped or not. */
import { openArrays } from './arrays.js'
import { bytesOf } from './bytes.js'
import { isNpy, npyArray, npyLayout } from './npy-array.js'
import type { Reader } from './reader.js'

export const npy: Reader = {
  name: 'NumPy array (.npy)',
  recognises: ({ path, isFolder, start }) => !isFolder && (isNpy(start) || /\.npy(\.gz)?$/i.test(path)),
  async open(path, options) {
    const array = await npyArray(bytesOf(path), path)
    const { layout, warnings } = npyLayout(array, options)
    return openArrays({ all: { array, layout, files: [path] } }, warnings)
  },
}
