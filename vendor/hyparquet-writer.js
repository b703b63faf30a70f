// hyparquet-writer as src/ imports it (#hyparquet-writer). Its package asks for one version of hyparquet; bundled, it brings the few lines of it that it needs.
export { ByteWriter } from 'hyparquet-writer/src/bytewriter.js'
export { ParquetWriter } from 'hyparquet-writer/src/parquet-writer.js'
