// The types of hyparquet-writer as src/ imports it (#hyparquet-writer).
import type { CompressionCodec, DecodedArray, Encoding, KeyValue, SchemaElement } from 'hyparquet'

/** Bytes that grow, of which a flush may take those so far. */
export class ByteWriter {
  /** Bytes written, those that were taken included. */
  offset: number
  /** Bytes in the buffer. */
  index: number
  getBytes(): Uint8Array
  flush?(): void
  finish(): void
}

interface Column {
  name: string
  data: DecodedArray
  encoding?: Encoding
  codec?: CompressionCodec
  statistics?: boolean
  offsetIndex?: boolean
}

/** Writes row groups one after the other; `writer.flush` is called after each. */
export class ParquetWriter {
  constructor(options: { writer: ByteWriter; schema: SchemaElement[]; kvMetadata?: KeyValue[]; createdBy?: string })
  write(rows: { columnData: Column[]; rowGroupSize: number }): void
  finish(): void
}
