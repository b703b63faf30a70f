// Why the backend cuda does not run, on machines that are made up: caches and drivers, no GPU.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CudaHost, findGpu } from '../../src/backends/cuda-diagnosis.js'
import {
  cudaDirectory,
  cudaWheel,
  cudaWheels,
  missingWheels,
  nvidiaLibraries,
} from '../../src/libtensorflow/cuda-build.mjs'
import type { CudaDriver, Gpu } from '../../src/libtensorflow/cuda-driver.js'
import { cachedLibrary, failureFile, type Wheel } from '../../src/libtensorflow/location.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'elbo-cuda-'))
  process.env.ELBO_CACHE = folder
})
afterEach(() => {
  delete process.env.ELBO_CACHE
  rmSync(folder, { recursive: true })
})

const gpu: Gpu = { name: 'NVIDIA Some GPU', memory: 24 * 2 ** 30, capability: [8, 9] }
const driver = (changes: Partial<CudaDriver> = {}): CudaDriver => ({
  cudaVersion: 12_040,
  gpus: () => [gpu],
  ...changes,
})

/** A machine with all it takes, but for `changes`. */
const host = (changes: Partial<CudaHost> = {}): CudaHost => ({
  unsupported: undefined,
  missing: () => [],
  driver: () => driver(),
  hasDeviceFile: true,
  visibleDevices: undefined,
  ...changes,
})

const refusal = (changes: Partial<CudaHost>) => {
  const found = findGpu(host(changes))
  if (!('reason' in found)) throw new Error(`it found ${found.name}`)
  return found
}
const withDriver = (changes: Partial<CudaDriver>) => refusal({ driver: () => driver(changes) })

/** What the set-up leaves of a wheel. */
function install(wheel: Wheel): void {
  const place = cachedLibrary(wheel)
  for (const path of wheel.libraries) {
    mkdirSync(dirname(join(place, path)), { recursive: true })
    writeFileSync(join(place, path), 'library')
  }
  mkdirSync(place, { recursive: true })
  const files = Object.fromEntries(wheel.libraries.map(path => [path, 'library'.length]))
  writeFileSync(join(place, 'complete.json'), JSON.stringify({ sha256: wheel.sha256, files }))
}

test('a machine that has all it takes has a GPU', () => {
  expect(findGpu(host())).toEqual(gpu)
})

describe('what is not there comes first', () => {
  test('a platform without a CUDA build', () => {
    const unsupported = { reason: 'no CUDA build for this', fix: 'use another' }
    expect(refusal({ unsupported, driver: () => undefined })).toEqual({ ...unsupported, isExpected: true })
  })

  test('the build, with how to fetch it and how much that is', () => {
    const { reason, fix, isExpected } = refusal({ missing: missingWheels })
    expect(reason).toBe(`the CUDA build of TensorFlow is not in ${cudaDirectory()}`)
    expect(fix).toBe('run `npm run setup -- --cuda`, which fetches it (3.4 GB)')
    expect(isExpected).toBe(false) // there is a driver, so probably a GPU that lies idle
  })

  test('build and driver both, of which nobody is told who did not ask', () => {
    const { reason, fix, isExpected } = refusal({
      missing: missingWheels,
      driver: () => undefined,
      hasDeviceFile: false,
    })
    expect(reason).toMatch(/is not in .*, and this machine has no NVIDIA driver \(no libcuda\.so\.1\)$/)
    expect(fix).toMatch(/^install NVIDIA's driver.*; then run `npm run setup -- --cuda`/)
    expect(isExpected).toBe(true)
  })

  test('the build, because the last set-up failed', () => {
    mkdirSync(dirname(failureFile(cudaWheel)), { recursive: true })
    writeFileSync(failureFile(cudaWheel), JSON.stringify({ reason: 'the disk is full', fix: 'make room' }))
    expect(refusal({ missing: missingWheels })).toMatchObject({ reason: 'the disk is full', fix: 'make room' })
  })
})

describe('a build in the cache', () => {
  beforeEach(() => cudaWheels.forEach(install))

  test('is whole when every library is there, in the place where the other ones look for it', () => {
    expect(missingWheels()).toEqual([])
    expect(nvidiaLibraries()).toContain(join(cudaDirectory(), 'nvidia/cublas/lib/libcublas.so.12'))
    expect(cachedLibrary(cudaWheel)).toBe(join(cudaDirectory(), 'tensorflow'))
  })

  test('that has lost a library, or bytes of one, names it', () => {
    const lost = (library: string) => nvidiaLibraries().find(path => path.endsWith(library)) as string
    rmSync(lost('libcudnn.so.9'))
    truncateSync(lost('libcufft.so.11'), 3)
    const { reason, fix } = refusal({ missing: missingWheels })
    expect(reason).toBe(
      'the CUDA build of TensorFlow is incomplete: nvidia-cufft-cu12 (libcufft.so.11), nvidia-cudnn-cu12 (libcudnn.so.9) missing',
    )
    expect(fix).toBe('run `npm run setup -- --cuda`')
  })
})

describe('a driver', () => {
  test('that is missing is named by its library, with the oldest that will do', () => {
    const { reason, fix, isExpected } = refusal({ driver: () => undefined, hasDeviceFile: false })
    expect(reason).toBe('this machine has no NVIDIA driver (no libcuda.so.1)')
    expect(fix).toMatch(/install NVIDIA's driver, 525\.60\.13 or newer/)
    expect(isExpected).toBe(true)
  })

  test('whose library cannot be loaded gives its reason', () => {
    const broken = () => {
      throw new Error('libcuda.so.1 cannot be loaded: file too short')
    }
    expect(refusal({ driver: broken })).toMatchObject({
      reason: 'libcuda.so.1 cannot be loaded: file too short',
      fix: "repair NVIDIA's driver",
    })
  })

  test('without its device is that of a container, or of a kernel module that is not loaded', () => {
    const { reason, fix } = refusal({ hasDeviceFile: false })
    expect(reason).toMatch(/no \/dev\/nvidiactl/)
    expect(fix).toMatch(/--gpus all/)
  })

  test('that is too old says which CUDA it runs', () => {
    expect(withDriver({ cudaVersion: 11_080 }).reason).toBe(
      'the NVIDIA driver is too old: it supports CUDA 11.8, and TensorFlow needs 12.0',
    )
    expect(findGpu(host({ driver: () => driver({ cudaVersion: 12_000 }) }))).toEqual(gpu)
  })

  test('that was updated under a running system asks for a restart', () => {
    const name = 'CUDA_ERROR_SYSTEM_DRIVER_MISMATCH'
    const { reason, fix } = withDriver({ gpus: () => ({ code: 803, name }) })
    expect(reason).toBe(`the NVIDIA driver does not start: ${name} (803)`)
    expect(fix).toMatch(/^restart the machine/)
  })

  test('that finds no GPU says so, and who hides it', () => {
    for (const gpus of [() => [], () => ({ code: 100, name: 'CUDA_ERROR_NO_DEVICE' })]) {
      expect(withDriver({ gpus }).reason).toBe('the NVIDIA driver finds no GPU')
      const hidden = refusal({ driver: () => driver({ gpus }), visibleDevices: '-1' })
      expect(hidden.reason).toBe("CUDA_VISIBLE_DEVICES='-1' hides every GPU")
    }
  })

  test('whose GPU is older than the build says both capabilities', () => {
    expect(withDriver({ gpus: () => [{ ...gpu, capability: [5, 2] }] }).reason).toBe(
      'NVIDIA Some GPU has compute capability 5.2, and TensorFlow needs 6.0',
    )
    const newer = { ...gpu, capability: [12, 0] as const }
    expect(findGpu(host({ driver: () => driver({ gpus: () => [newer] }) }))).toEqual(newer)
  })
})
