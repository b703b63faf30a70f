// What a compiled scan leaves behind once it is disposed: machine code takes megabytes.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import koffi from '#koffi'
import { scan } from '../../src/compile/scan.js'
import { normal } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { floatBatches, keys } from '../support/steps.js'

describe.skipIf(skipped !== '' || process.platform !== 'linux')(`a disposed scan${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))

  test('gives back the machine code that XLA made for it', async () => {
    await growthPerScan(3)
    // Code that is kept is 3 MB of this step in each group; what the process itself grows by, at some time, is not in all of them.
    const groups: number[] = []
    for (let i = 0; i < 3; i++) groups.push(await growthPerScan(8))
    expect(Math.min(...groups)).toBeLessThan(2)
  })
})

/** Megabytes for each of some scans that are made and disposed. */
async function growthPerScan(scans: number): Promise<number> {
  const before = residentMegabytes()
  for (let i = 0; i < scans; i++) await compileAndDispose()
  return (residentMegabytes() - before) / scans
}

async function compileAndDispose(): Promise<void> {
  const w = tf.variable(tf.ones([50, 50]))
  const steps = scan<object>(
    (x, key) => {
      w.assign(tf.tanh(tf.matMul(w as tf.Tensor2D, tf.add(x, normal(key, [50, 50])))))
      return { y: tf.sum(w) }
    },
    { mode: 'xla' },
  )
  await steps.run(floatBatches(1, [50, 50]), { keys: keys(1), schedules: [{}] })
  steps.dispose(w)
}

/** After JavaScript's garbage is collected, and glibc has returned its free pages. */
function residentMegabytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  koffi.load(null).func('int malloc_trim(size_t)')(0)
  return process.memoryUsage.rss() / 1e6
}
