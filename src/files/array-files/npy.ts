/** NumPy's npy format, version 1.0: a header of 64 n bytes, then the numbers. A file holds one array, that named `mean`. */
import type { ArrayFormat, ArraySpec, TextLayout } from './arrays.js'
import { writeSideBySide } from './arrays.js'

/** The array that a file of one array holds. */
const HELD = 'mean'

/** UTF-32, as NumPy's type U. */
export const npyTexts: TextLayout = {
  bytes: ({ characters }) => 4 * characters,
  put(text, into) {
    let at = 0
    for (const character of text) at = into.writeUInt32LE(character.codePointAt(0) as number, at)
  },
}

/** The bytes before the numbers of an array. */
export function npyHeader(spec: ArraySpec): Buffer {
  const type =
    spec.type === 'text' ? `<U${spec.longest.characters}` : { uint8: '|u1', int32: '<i4', float32: '<f4' }[spec.type]
  const shape = `(${spec.shape.join(', ')}${spec.shape.length === 1 ? ',' : ''})`
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = Buffer.alloc(length, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(length - 10, 8)
  header.write(text, 10, 'latin1')
  header.write('\n', length - 1)
  return header
}

export const npy: ArrayFormat = {
  ending: 'npy',
  holds: ({ name }) => name === HELD,
  open(file, [spec]) {
    if (spec === undefined) throw new Error(`an npy file holds one array, ${HELD}; it is missing`)
    const header = npyHeader(spec)
    file.write(header, 0)
    return { write: writeSideBySide(file, new Map([[spec, header.length]]), npyTexts), finish() {} }
  },
}
