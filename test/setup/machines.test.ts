// Which machines can run the library, and how the others are refused.
import { describe, expect, test } from 'vitest'
import { unsupportedCuda } from '../../src/libtensorflow/cuda-build.js'
import { unsupportedReason } from '../../src/libtensorflow/machine.js'

describe('the library', () => {
  const able = { platform: 'linux-x64', glibc: '2.36', cpuFlags: ['sse2', 'avx'] }
  const reason = (change: object) => unsupportedReason({ ...able, ...change })

  test('is refused for the platform, the C library or the CPU of a machine', () => {
    expect(reason({ platform: 'win32-x64' })?.reason).toMatch(/no TensorFlow 2\.21\.0 library for win32-x64/)
    expect(reason({ platform: 'win32-x64' })?.fix).toMatch(/WSL/)
    expect(reason({ glibc: undefined })?.reason).toMatch(/musl/)
    expect(reason({ glibc: '2.17' })?.reason).toMatch(/glibc 2\.27, and this system has 2\.17/)
    expect(reason({ cpuFlags: ['sse2'] })?.reason).toMatch(/AVX/)
  })

  test('is not refused on machines that can run it', () => {
    expect(reason({})).toBeUndefined()
    expect(reason({ glibc: '2.27' })).toBeUndefined()
    expect(reason({ glibc: '3.0' })).toBeUndefined()
    expect(reason({ platform: 'linux-arm64', cpuFlags: [] })).toBeUndefined()
    expect(unsupportedReason({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })).toBeUndefined()
  })

  test('has a CUDA build only for Linux on x64, where the CPU build runs too', () => {
    expect(unsupportedCuda(able)).toBeUndefined()
    expect(unsupportedCuda({ ...able, glibc: '2.17' })?.reason).toMatch(/glibc 2\.27/)
    const mac = unsupportedCuda({ platform: 'darwin-arm64', glibc: undefined, cpuFlags: [] })
    expect(mac?.reason).toMatch(/no CUDA build of TensorFlow 2\.21\.0 for darwin-arm64/)
    expect(unsupportedCuda({ ...able, platform: 'win32-x64' })?.fix).toMatch(/WSL/)
  })
})
