// Runs with --condition label: byte for byte as if never stopped, and refused where the labels are missing or others.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadRunDataset } from '../../src/data/dataset.js'
import { type ImageSet, levelsOf, rowsOf } from '../../src/data/images.js'
import { shuffledPass, wholePass } from '../../src/data/passes.js'
import { streamKey } from '../../src/random.js'
import { loadTrainedVae, readRunSnapshot } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { smallMnist } from '../support/idx-file.js'
import { expectSameState, newRun, stopAfterFirstStep, trainSmall } from '../support/runs.js'

let data: string

beforeAll(async () => {
  await useBackend()
  data = smallMnist(1200, 100, { labels: true })
})

const condition = 'label'

describe('a resumed run is byte for byte the run that was never stopped', () => {
  test('stopped in the middle of an epoch and between two, from the weights of another run', async () => {
    const [whole, parts] = [newRun(), newRun()]
    await trainSmall(whole, { data, condition })
    await trainSmall(parts, { data, condition }, stopAfterFirstStep())
    await trainSmall(parts, { data, condition, epochs: 2 }, { resume: true })
    await trainSmall(parts, { data, condition }, { resume: true })
    expectSameState(parts, whole)
    expectSameState(parts, whole, 'best')
    const { classes } = readRunSnapshot(parts, 'latest').snapshot.data
    expect(classes?.names).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(loadTrainedVae(parts, 'best').vae.classes).toBe(10)
  })
})

test('the label moves with its image into every batch, of images in memory and of stored ones', async () => {
  const { train } = await loadRunDataset({ data, condition, trainImages: null, validationImages: null })
  const stored: ImageSet = {
    ...train,
    pixels: undefined,
    read: (from: number, to: number) => levelsOf(train, from, to),
  } as never
  const expected = [...(train.labels?.values ?? [])]
  const labelOf = new Map(
    expected.map((label, i) => [Buffer.from(levelsOf(train, i, i + 1)).toString('latin1'), label]),
  )
  for (const images of [train, withoutPixels(stored)]) {
    expect([...rowsOf(images)].filter((_, i) => i % 785 === 784)).toEqual(expected)
    const shuffled = await shuffledPass(images, 100, streamKey(1, 'order'), 0).batches(0, 10)
    const whole = await wholePass(images, 300).batches(0, 4)
    for (let i = 0; i < 1000; i++) {
      const row = shuffled.subarray(i * 785, (i + 1) * 785)
      expect(row[784]).toBe(labelOf.get(Buffer.from(row.subarray(0, 784)).toString('latin1')))
      expect(whole[i * 785 + 784]).toBe(expected[i])
    }
  }
})

function withoutPixels(images: ImageSet): ImageSet {
  const { pixels: _, ...rest } = images as ImageSet & { pixels?: Uint8Array }
  return rest as ImageSet
}

describe('is refused in one line', () => {
  test('without labels, and with other labels than before', async () => {
    await expect(trainSmall(newRun(), { condition })).rejects.toThrow(/the training images of .* have no labels/)
    const folder = smallMnist(1200, 100, { labels: true })
    const run = newRun()
    await trainSmall(run, { data: folder, condition, epochs: 1 })
    const file = join(folder, 't10k-labels-idx1-ubyte')
    const bytes = readFileSync(file)
    bytes[8] = ((bytes[8] as number) + 1) % 10
    writeFileSync(file, bytes)
    await expect(trainSmall(run, { data: folder, condition }, { resume: true })).rejects.toThrow(
      /trained on other labels than those of --data .*; use the original labels/,
    )
  })

  test('resumed without the condition', async () => {
    const run = newRun()
    await trainSmall(run, { data, condition, epochs: 1 })
    await expect(trainSmall(run, { data }, { resume: true })).rejects.toThrow(/condition|labels/)
  })
})
