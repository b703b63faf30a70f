// Native TensorFlow in worker threads: as quiet as in the main thread, and safe to terminate at any time.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { skipped } from '../support/native.js'

const built = (path: string) => pathToFileURL(resolve(import.meta.dirname, '../../dist', path)).href

/** Opens TensorFlow, having said so, and computes. */
const WORKER = `
  import { parentPort } from 'node:worker_threads'
  import * as tf from '@tensorflow/tfjs'
  import { openBackend } from '${built('backends/candidates.js')}'
  parentPort.postMessage('opening')
  await openBackend('tensorflow', { debug: false })
  for (;;) {
    const product = tf.matMul(tf.ones([300, 300]), tf.ones([300, 300]))
    parentPort.postMessage((await product.data())[0])
  }`

/** Starts a worker in a process of its own, and terminates it so many milliseconds after a message of its. */
function terminated(message: 'opening' | 300, afterMs: number) {
  const main = `
    import { Worker } from 'node:worker_threads'
    const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true })
    let isEnding = false
    worker.on('message', message => {
      if (isEnding || message !== ${JSON.stringify(message)}) return
      isEnding = true
      setTimeout(() => worker.terminate(), ${afterMs})
    })
    worker.on('exit', () => console.log('ended'))`
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', main], {
    encoding: 'utf8',
  })
  return { status, signal, stdout, stderr }
}

describe.skipIf(skipped !== '')(`a worker thread${skipped}`, () => {
  const quietly = { status: 0, signal: null, stdout: 'ended\n', stderr: '' }

  test('computes, prints nothing, and ends in the middle of its work', () => {
    expect(terminated(300, 50)).toEqual(quietly)
  })

  test.each([0, 100, 300])('ends %s ms after it began to load TensorFlow', afterMs => {
    expect(terminated('opening', afterMs)).toMatchObject({ status: 0, signal: null, stdout: 'ended\n' })
  })
})
