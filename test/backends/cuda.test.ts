// Why the backend cuda cannot run, on simulated machines: caches and drivers, no GPU.
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CudaHost, findGpu } from '../../src/backends/cuda-diagnosis.js'
import {
  cudaDirectory,
  cudaWheel,
  cudaWheels,
  missingWheels,
  nvidiaLibraries,
} from '../../src/libtensorflow/cuda-build.js'
import type { CudaDriver, Gpu } from '../../src/libtensorflow/cuda-driver.js'
import { cachedLibrary, failureFile } from '../../src/libtensorflow/location.js'
import type { Wheel } from '../../src/libtensorflow/wheels.js'
import { temporaryFolder } from '../support/temporary-folder.js'

beforeEach(() => {
  process.env.ELBO_CACHE = temporaryFolder()
})
afterEach(() => {
  delete process.env.ELBO_CACHE
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

test('a machine with build, driver and GPU can run it', () => {
  expect(findGpu(host())).toEqual(gpu)
})

describe('a refusal names what is missing:', () => {
  test('a CUDA build for the platform', () => {
    const unsupported = { reason: 'no CUDA build for this', fix: 'use another' }
    expect(refusal({ unsupported, driver: () => undefined })).toEqual({ ...unsupported, isExpected: true })
  })

  test('the build, with the command that fetches it and its size', () => {
    const { reason, fix, isExpected } = refusal({ missing: missingWheels })
    expect(reason).toBe(`the CUDA build of TensorFlow is not in ${cudaDirectory()}`)
    expect(fix).toBe('run `npx elbo setup --cuda`, which fetches it (3.4 GB)')
    expect(isExpected).toBe(false) // there is a driver, so probably a GPU that lies idle
  })

  test('build and driver, which only those are told who ask for the backend', () => {
    const { reason, fix, isExpected } = refusal({
      missing: missingWheels,
      driver: () => undefined,
      hasDeviceFile: false,
    })
    expect(reason).toMatch(/is not in .*, and this machine has no NVIDIA driver \(no libcuda\.so\.1\)$/)
    expect(fix).toMatch(/^install NVIDIA's driver.*; then run `npx elbo setup --cuda`/)
    expect(isExpected).toBe(true)
  })

  test('the build, with the reason why the last set-up failed', () => {
    mkdirSync(dirname(failureFile(cudaWheel)), { recursive: true })
    writeFileSync(failureFile(cudaWheel), JSON.stringify({ reason: 'the disk is full', fix: 'make room' }))
    expect(refusal({ missing: missingWheels })).toMatchObject({ reason: 'the disk is full', fix: 'make room' })
  })
})

describe('a build in the cache', () => {
  beforeEach(() => cudaWheels.forEach(install))

  test('is whole if every library is there, where the other libraries look for it', () => {
    expect(missingWheels()).toEqual([])
    expect(nvidiaLibraries()).toContain(join(cudaDirectory(), 'nvidia/cublas/lib/libcublas.so.12'))
    expect(cachedLibrary(cudaWheel)).toBe(join(cudaDirectory(), 'tensorflow'))
  })

  test('that lacks a library, or bytes of one, is refused with the names of these', () => {
    const lost = (library: string) => nvidiaLibraries().find(path => path.endsWith(library)) as string
    rmSync(lost('libcudnn.so.9'))
    truncateSync(lost('libcufft.so.11'), 3)
    const { reason, fix } = refusal({ missing: missingWheels })
    expect(reason).toBe(
      'the CUDA build of TensorFlow is incomplete: nvidia-cufft-cu12 (libcufft.so.11), nvidia-cudnn-cu12 (libcudnn.so.9) missing',
    )
    expect(fix).toBe('run `npx elbo setup --cuda`')
  })
})

describe('a driver', () => {
  test('that is missing is refused with the name of its library and the oldest version that will do', () => {
    const { reason, fix, isExpected } = refusal({ driver: () => undefined, hasDeviceFile: false })
    expect(reason).toBe('this machine has no NVIDIA driver (no libcuda.so.1)')
    expect(fix).toMatch(/install NVIDIA's driver, 525\.60\.13 or newer/)
    expect(isExpected).toBe(true)
  })

  test('whose library cannot be loaded is refused with the reason', () => {
    const broken = () => {
      throw new Error('libcuda.so.1 cannot be loaded: file too short')
    }
    expect(refusal({ driver: broken })).toMatchObject({
      reason: 'libcuda.so.1 cannot be loaded: file too short',
      fix: "repair NVIDIA's driver",
    })
  })

  test('without its device file is refused with the fix for a container', () => {
    const { reason, fix } = refusal({ hasDeviceFile: false })
    expect(reason).toMatch(/no \/dev\/nvidiactl/)
    expect(fix).toMatch(/--gpus all/)
  })

  test('that is too old is refused with the CUDA version that it runs', () => {
    expect(withDriver({ cudaVersion: 11_080 }).reason).toBe(
      'the NVIDIA driver is too old: it supports CUDA 11.8, and TensorFlow needs 12.0',
    )
    expect(findGpu(host({ driver: () => driver({ cudaVersion: 12_000 }) }))).toEqual(gpu)
  })

  test('that was updated since the machine started is refused, and the fix is a restart', () => {
    const name = 'CUDA_ERROR_SYSTEM_DRIVER_MISMATCH'
    const { reason, fix } = withDriver({ gpus: () => ({ code: 803, name }) })
    expect(reason).toBe(`the NVIDIA driver does not start: ${name} (803)`)
    expect(fix).toMatch(/^restart the machine/)
  })

  test('that finds no GPU is refused, with the variable that hides it if there is one', () => {
    for (const gpus of [() => [], () => ({ code: 100, name: 'CUDA_ERROR_NO_DEVICE' })]) {
      expect(withDriver({ gpus }).reason).toBe('the NVIDIA driver finds no GPU')
      const hidden = refusal({ driver: () => driver({ gpus }), visibleDevices: '-1' })
      expect(hidden.reason).toBe("CUDA_VISIBLE_DEVICES='-1' hides every GPU")
    }
  })

  test('whose GPU is older than the build supports is refused with both compute capabilities', () => {
    expect(withDriver({ gpus: () => [{ ...gpu, capability: [5, 2] }] }).reason).toBe(
      'NVIDIA Some GPU has compute capability 5.2, and TensorFlow needs 6.0',
    )
    const newer = { ...gpu, capability: [12, 0] as const }
    expect(findGpu(host({ driver: () => driver({ gpus: () => [newer] }) }))).toEqual(newer)
  })
})
