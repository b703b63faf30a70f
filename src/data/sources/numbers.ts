/** The types of numbers in files of arrays, and their values. */

/** Bytes of one number of each type. */
export const bytesOfType = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
} as const

export type NumberType = keyof typeof bytesOfType

/** Whole numbers of 64 bits become the nearest float64. */
export type Values =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

/** The numbers in `bytes`, whose length is a multiple of the type's; a copy unless the type is `uint8`. */
export function valuesOf(bytes: Uint8Array, type: NumberType, isBigEndian: boolean): Values {
  if (type === 'uint8') return bytes
  if (type === 'bool') return bytes.map(byte => (byte === 0 ? 0 : 255))
  const { buffer } = inNativeOrder(bytes, bytesOfType[type], isBigEndian)
  if (type === 'int64') return wide(new Uint32Array(buffer), new Int32Array(buffer))
  if (type === 'uint64') return wide(new Uint32Array(buffer), new Uint32Array(buffer))
  if (type === 'float16') return Float32Array.from(new Uint16Array(buffer), half)
  return new arrays[type](buffer)
}

const arrays = {
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const

/** A copy whose buffer has nothing else, in the order of bytes of the processors that Node runs on, little-endian. */
function inNativeOrder(bytes: Uint8Array, size: number, isBigEndian: boolean): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  const all = Buffer.from(copy.buffer)
  if (isBigEndian && size === 2) all.swap16()
  if (isBigEndian && size === 4) all.swap32()
  if (isBigEndian && size === 8) all.swap64()
  return copy
}

function wide(words: Uint32Array, upper: Int32Array | Uint32Array): Float64Array {
  return Float64Array.from({ length: words.length / 2 }, (_, i) => {
    return (upper[2 * i + 1] as number) * 2 ** 32 + (words[2 * i] as number)
  })
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
