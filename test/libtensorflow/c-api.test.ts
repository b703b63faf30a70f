// Opening TensorFlow's shared libraries, and the errors of libraries that cannot be opened.
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { openLibrary } from '../../src/libtensorflow/c-api.js'
import { nativeDirectory, skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const suffix = process.platform === 'darwin' ? '.2.dylib' : '.so.2'
const framework = `libtensorflow_framework${suffix}`
const everything = `libtensorflow_cc${suffix}`

describe('opening a library that cannot be opened', () => {
  let directory = ''
  beforeEach(() => {
    directory = temporaryFolder()
  })

  test('a missing file is named', () => {
    expect(() => openLibrary(directory)).toThrow(
      `TensorFlow is not installed: ${join(directory, framework)} does not exist`,
    )
  })

  test('a file that is no library is named, with the reason', () => {
    writeFileSync(join(directory, framework), 'not a library')
    expect(() => openLibrary(directory)).toThrow(
      new RegExp(`^TensorFlow cannot be loaded: ${join(directory, framework)}: \\S.*`),
    )
  })

  test.skipIf(skipped !== '')(`a library without one of the functions is named, with the function${skipped}`, () => {
    symlinkSync(join(nativeDirectory(), framework), join(directory, framework))
    symlinkSync(join(nativeDirectory(), framework), join(directory, everything))
    expect(() => openLibrary(directory)).toThrow(
      /^TensorFlow is incompatible with this program: .*libtensorflow_cc.*: TF_\w+: Cannot find function/,
    )
  })
})
