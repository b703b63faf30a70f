// Fields of protocol buffers as bytes (https://protobuf.dev/programming-guides/encoding): a message is the concatenation of its fields.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** An int, enum or bool field; negative values take ten bytes, as in protobuf. */
export function intField(field: number, value: number | bigint): Uint8Array {
  return new BinaryWriter().tag(field, WireType.Varint).int64(value).finish()
}

/** A float field. */
export function floatField(field: number, value: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.Bit32).float(value).finish()
}

/** A string field. */
export function textField(field: number, text: string): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).string(text).finish()
}

/** A string, bytes or message field; `content` is concatenated. */
export function bytesField(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter().tag(field, WireType.LengthDelimited)
  return writer.bytes(Buffer.concat(content)).finish()
}
