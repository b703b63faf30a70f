/** IDX files, as MNIST's. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readIdxImages } from '../formats/idx.js'
import type { Decodable, Reader } from './reader.js'

const part = (path: string): Decodable => {
  const { pixels, ...shape } = readIdxImages(path)
  return { ...shape, files: [path], blocks: () => [pixels] }
}

export const idx: Reader = {
  name: 'IDX files',
  recognises: () => true,
  async open(path, _options, { isFolder }) {
    if (!isFolder) return { parts: { all: part(path) }, warnings: [] }
    const [train, test] = filesIn(path)
    return { parts: { train: part(train), test: part(test) }, warnings: [] }
  },
}

function filesIn(folder: string): [string, string] {
  const find = (prefix: string) => {
    const names = ['-images-idx3-ubyte', '-images.idx3-ubyte'].flatMap(name => [prefix + name, `${prefix + name}.gz`])
    const found = names.map(name => join(folder, name)).find(existsSync)
    if (!found) throw new Error(`${folder}: no ${names[0]} or ${names[1]} in this folder`)
    return found
  }
  return [find('train'), find('t10k')]
}
