// Which machines can run the library, and what the others are told.
import { describe, expect, test } from 'vitest'
import { unsupportedCuda } from '../../src/libtensorflow/cuda-build.mjs'
import { unsupportedReason } from '../../src/libtensorflow/location.mjs'

describe('a machine that cannot run the library', () => {
  const able = { platform: 'linux-x64', glibc: '2.36', cpuFlags: ['sse2', 'avx'] }
  const reason = (change: object) => unsupportedReason({ ...able, ...change })

  test('is told by its platform, C library and CPU', () => {
    expect(reason({ platform: 'win32-x64' })?.reason).toMatch(/no TensorFlow 2\.21\.0 library for win32-x64/)
    expect(reason({ platform: 'win32-x64' })?.fix).toMatch(/WSL/)
    expect(reason({ glibc: undefined })?.reason).toMatch(/musl/)
    expect(reason({ glibc: '2.17' })?.reason).toMatch(/glibc 2\.27, and this system has 2\.17/)
    expect(reason({ cpuFlags: ['sse2'] })?.reason).toMatch(/AVX/)
  })

  test('is not one that has all it takes', () => {
    expect(reason({})).toBeUndefined()
    expect(reason({ glibc: '2.27' })).toBeUndefined()
    expect(reason({ glibc: '3.0' })).toBeUndefined()
    expect(reason({ platform: 'linux-arm64', cpuFlags: [] })).toBeUndefined()
    expect(unsupportedReason({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })).toBeUndefined()
  })

  test('has no CUDA build unless it is a Linux x64 that can run the other one', () => {
    expect(unsupportedCuda(able)).toBeUndefined()
    expect(unsupportedCuda({ ...able, glibc: '2.17' })?.reason).toMatch(/glibc 2\.27/)
    const mac = unsupportedCuda({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })
    expect(mac?.reason).toMatch(/no CUDA build of TensorFlow 2\.21\.0 for darwin-arm64/)
    expect(unsupportedCuda({ ...able, platform: 'win32-x64' })?.fix).toMatch(/WSL/)
  })
})
