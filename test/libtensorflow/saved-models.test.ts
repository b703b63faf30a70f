// SavedModels: loading, running, deleting, and what is refused.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { binding, floats } from './binding.js'
import { writeSavedModel } from './saved-model-bytes.js'

describe.skipIf(skipped !== '')(`SavedModels${skipped}`, () => {
  let directory = ''
  let model = -1
  beforeAll(() => {
    directory = temporaryFolder()
    writeSavedModel(directory)
    model = binding.loadSavedModel(directory, 'serve')
  })
  afterAll(() => binding.deleteSavedModel(model))

  test('run on named inputs, give named outputs', () => {
    const results = binding.runSavedModel(model, [floats(1, 2), floats(10, 20)], 'x:0,b', 'y:0,twice')
    expect(results.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual([
      { shape: [2], dtype: binding.TF_FLOAT },
      { shape: [2], dtype: binding.TF_FLOAT },
    ])
    expect(results.map(({ id }) => binding.tensorDataSync(id))).toEqual([
      new Float32Array([12, 24]),
      new Float32Array([2, 4]),
    ])
  })

  test('are counted until they are deleted, then refused by number', () => {
    const before = binding.getNumOfSavedModels()
    const other = binding.loadSavedModel(directory, 'serve')
    expect(binding.getNumOfSavedModels()).toBe(before + 1)
    binding.deleteSavedModel(other)
    expect(binding.getNumOfSavedModels()).toBe(before)
    expect(() => binding.deleteSavedModel(other)).toThrow(`there is no SavedModel ${other}`)
  })

  test('that are not there, or lack the tags, are refused by path', () => {
    expect(() => binding.loadSavedModel(join(directory, 'none'), 'serve')).toThrow(/^SavedModel .*none: .*NOT_FOUND/)
    expect(() => binding.loadSavedModel(directory, 'train')).toThrow(/tags: \{ ?train ?\}/)
  })

  test('refuse names that their graph lacks, missing inputs, and shapes that do not fit, and keep nothing', () => {
    const x = floats(1, 2)
    const before = binding.getNumOfTensors()
    expect(() => binding.runSavedModel(model, [x], 'nothing:0', 'y')).toThrow('its graph has no "nothing:0"')
    expect(() => binding.runSavedModel(model, [x], 'x', 'y:one')).toThrow('its graph has no "y:one"')
    expect(() => binding.runSavedModel(model, [x], 'x,b', 'y')).toThrow('1 inputs for the 2 names in "x,b"')
    expect(() => binding.runSavedModel(model, [x], 'x', 'y')).toThrow(/^SavedModel: .*placeholder.*INVALID_ARGUMENT/is)
    const b = floats(1, 2, 3)
    expect(() => binding.runSavedModel(model, [x, b], 'x,b', 'y')).toThrow(/Incompatible shapes/)
    binding.deleteTensor(b)
    expect(binding.getNumOfTensors()).toBe(before)
  })
})
