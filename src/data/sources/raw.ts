/** Bytes without a header: levels [count, rows, columns, channels] of the shape that the user says. */
import { layoutOf, openArrays } from './arrays.js'
import { bytesOf } from './bytes.js'
import { parseRawShape } from './raw-shape.js'
import type { Reader } from './reader.js'

/** Takes any file, so it comes last. */
export const raw: Reader = {
  name: 'bytes without a header',
  recognises: ({ isFolder }, { rawShape }) => !isFolder && rawShape !== null,
  async open(path, { rawShape }) {
    const shape = parseRawShape(rawShape ?? '')
    const { rows, columns, channels, count } = shape
    const layout = layoutOf({ ...shape, isImageTogether: true }, [columns * channels, channels, 1], path)
    const array = {
      name: path,
      shape: [count, rows, columns, channels],
      type: 'uint8',
      isReal: false,
      isBigEndian: false,
      isFirstFastest: false,
      bytes: bytesOf(path),
      offset: 0,
      padding: 0,
    } as const
    return openArrays({ all: { array, layout, files: [path] } })
  },
}
