// TensorFlow's CPU threads: as many as were asked for, and one number per process.
import { readdirSync, readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { openBackend } from '../../src/backends/candidates.js'
import { isNodeBackend } from '../../src/libtensorflow/node-backend.js'
import { skipped } from '../support/native.js'

/** Linux tells the names of a process's threads. */
function computeThreads(): number {
  const names = readdirSync('/proc/self/task').map(task => readFileSync(`/proc/self/task/${task}/comm`, 'utf8').trim())
  return names.filter(name => name === 'tf_Compute').length
}

const open = (threads: number) => openBackend('tensorflow', { debug: false, threads })

test.skipIf(skipped !== '')(`TensorFlow computes with as many threads as it was opened with${skipped}`, async () => {
  const { backend } = await open(3)
  expect(backend.device).toBe('CPU, 3 threads')
  const ones = tf.ones([300, 300])
  expect((tf.matMul(ones, ones).arraySync() as number[][])[299]?.[299]).toBe(300)
  if (process.platform === 'linux') expect(computeThreads()).toBe(3)
})

test.skipIf(skipped !== '')(`another number of threads in the same process is refused${skipped}`, async () => {
  await open(3)
  await expect(open(2)).rejects.toThrow('this process computes with 3 threads already, and cannot change to 2')
  expect((await open(3)).backend.device).toBe('CPU, 3 threads')
})

test.skipIf(skipped !== '')(
  `a second opening goes on with the same tensors, which are on the CPU${skipped}`,
  async () => {
    await open(3)
    const kept = tf.tensor1d([1, 2])
    await open(3)
    expect([...kept.add(1).dataSync()]).toEqual([2, 3])
    const backend = tf.backend()
    if (!isNodeBackend(backend)) throw new Error('not native')
    const [id] = backend.getInputTensorIds([kept])
    expect(backend.binding.deviceOf(id as number)).toMatch(/device:CPU:0$/)
  },
)
