// Passes over a set of images, shuffled or whole.
import { expect, test } from 'vitest'
import { dividedPass, epochOrder, shuffledPass, wholePass } from '../../src/data/passes.js'
import { streamKey } from '../../src/random.js'
import { imagesOf } from '../support/images.js'

const key = streamKey(1, 'order')
const five = imagesOf({ rows: 1, columns: 1 }, Uint8Array.of(1, 2, 3, 4, 5))

test('each epoch has its own order of all images, decided by the key', () => {
  const [first, again, second] = [epochOrder(key, 0, 100), epochOrder(key, 0, 100), epochOrder(key, 1, 100)]
  expect(first).toEqual(again)
  expect(first).not.toEqual(second)
  expect(new Set(second).size).toBe(100)
})

test('a shuffled pass leaves out the images that do not fill a batch', async () => {
  const pass = shuffledPass(five, 2, key, 3)
  expect([pass.steps, pass.used(1)]).toEqual([2, 2])
  const order = epochOrder(key, 3, 5)
  expect([...(await pass.batches(0, 2))]).toEqual([...order.subarray(0, 4)].map(image => image + 1))
})

test('the inputs of steps are the rows of the batches, by number where shuffled images are in memory', async () => {
  const labelled = { ...five, classes: Uint8Array.of(0, 1, 0, 1, 1) }
  const shuffled = shuffledPass(five, 2, key, 3)
  expect(await shuffled.inputs(0, 2)).toEqual({
    table: { data: five.pixels, shape: [5, 1], dtype: 'float32' },
    rows: epochOrder(key, 3, 5).subarray(0, 4),
    shape: [2, 2],
  })
  const copied = [
    shuffledPass(labelled, 2, key, 3),
    wholePass(five, 2),
    dividedPass(five, 2, { first: 0, index: 1, count: 2 }),
  ]
  for (const [i, pass] of copied.entries())
    expect(await pass.inputs(0, 1)).toEqual({
      data: await pass.batches(0, 1),
      shape: [1, 2, i === 0 ? 2 : 1],
      dtype: 'float32',
    })
})

test('a whole pass sees every image once, in order, and fills up the last batch with black', async () => {
  const pass = wholePass(five, 2)
  expect([pass.steps, pass.used(1), pass.used(2)]).toEqual([3, 2, 1])
  expect([...(await pass.batches(1, 2))]).toEqual([3, 4, 5, 0])
})
