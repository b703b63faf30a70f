// Protocol buffers, the writing half: https://protobuf.dev/programming-guides/encoding. A message is the concatenation of its fields.

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** An int, enum or bool field; negative values take ten bytes, as in protobuf. */
export function intField(field: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | VARINT), ...varint(value)])
}

/** A float field. */
export function floatField(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Uint8Array.from([...varint((field << 3) | FIXED32), ...bytes])
}

/** A string field. */
export function textField(field: number, text: string): Uint8Array {
  return bytesField(field, Buffer.from(text))
}

/** A string, bytes or message field, in the pieces of its content. */
export function bytesField(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, piece) => sum + piece.length, 0)
  return Buffer.concat([Uint8Array.from([...varint((field << 3) | LENGTH_DELIMITED), ...varint(length)]), ...content])
}

function varint(value: number | bigint): number[] {
  const result: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) result.push(Number(rest & 127n) | 128)
  result.push(Number(rest))
  return result
}
