// How the backend webgpu describes adapters, on simulated ones; and its behaviour on a real one, where Dawn is installed and finds one.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BackendCandidate, BackendRefusal, openAll, openFirst } from '../../src/backends/backend.js'
import { type AdapterInfo, describeAdapter, requireGpu, webgpu, webgpuOnGpu } from '../../src/backends/webgpu.js'
import { useBackend } from '../support/backend.js'

const gpu: AdapterInfo = {
  vendor: 'nvidia',
  architecture: 'ampere',
  device: 'nvidia-geforce-rtx-3070',
  description: 'NVIDIA: 535.54',
  isFallbackAdapter: false,
}
const software = {
  ...gpu,
  vendor: 'mesa',
  architecture: 'llvmpipe',
  device: '',
  description: '',
  isFallbackAdapter: true,
}

test('a GPU is shown with its vendor and driver, and a software adapter as one', () => {
  expect(describeAdapter(gpu)).toBe('nvidia-geforce-rtx-3070 (nvidia ampere, NVIDIA: 535.54)')
  expect(describeAdapter(software)).toBe('CPU, in software: unnamed (mesa llvmpipe)')
})

test('where a GPU is wanted a software adapter is refused, with the option that accepts it', () => {
  expect(() => requireGpu(gpu)).not.toThrow()
  expect(() => requireGpu(software)).toThrow(/not a GPU \(CPU, in software.*--backend webgpu/)
})

test('a listing keeps its order, even if some candidates have to be opened first', async () => {
  const opened: string[] = []
  const candidate = (name: string, opensFirst?: boolean): BackendCandidate => ({
    name,
    ...(opensFirst && { opensFirst }),
    open: async () => {
      opened.push(name)
      throw new BackendRefusal(name, 'it is made up', 'none')
    },
  })
  const listed = await openAll([candidate('one'), candidate('two', true), candidate('three')], { debug: false })
  expect(opened).toEqual(['two', 'one', 'three'])
  expect(listed.map(result => (result instanceof BackendRefusal ? result.backend : result.name))).toEqual([
    'one',
    'two',
    'three',
  ])
})

const [found] = await openAll([webgpu], { debug: false })
const refusal = found instanceof BackendRefusal ? found : undefined
const isMissing = refusal?.isExpected === true

const installed = isMissing ? '' : ' (skipped: the packages of WebGPU are installed)'

test.skipIf(!isMissing)(`without its packages it is refused with the command that installs them${installed}`, () => {
  expect(refusal?.reason).toMatch(/^npm's package \S+ is not installed$/)
  expect(refusal?.fix).toContain(`@tensorflow/tfjs-backend-webgpu@${tf.version_core}`)
})

describe.skipIf(refusal)(`on an adapter${refusal ? ` (skipped: ${refusal.reason})` : ''}`, () => {
  beforeAll(() => useBackend('webgpu'))

  test('values that lie on the GPU can be awaited, and reading them at once says how', async () => {
    const product = tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]))
    expect(() => product.dataSync()).toThrow(/the backend webgpu cannot wait for values.*await tensor\.data\(\)/)
    expect(new Set(await product.data())).toEqual(new Set([64]))
  })

  test('a global navigator is left as it was', () => {
    expect((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu).toBeUndefined()
  })

  test('it is taken if named, and by auto unless it runs in software', async () => {
    const named = await openFirst([webgpu], { debug: false })
    const automatic = await openAll([webgpuOnGpu], { debug: false })
    expect(automatic[0] instanceof BackendRefusal).toBe(named.backend.inSoftware)
  })

  test('after an error of the device every read of values fails', async () => {
    const ones = tf.ones([64, 64])
    const { device } = tf.backend() as unknown as { device: { createBuffer(buffer: object): void } }
    device.createBuffer({ size: 2 ** 50, usage: 128 })
    await expect(tf.matMul(ones, ones).data()).rejects.toThrow('the backend webgpu failed: Buffer size')
    await expect(tf.add(ones, 1).data()).rejects.toThrow('the backend webgpu failed')
  })
})
