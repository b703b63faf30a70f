// The part of NVIDIA's CUDA driver API (cuda.h) that lists GPUs. Its library comes with the driver; the CUDA toolkit is not needed.
import { existsSync } from 'node:fs'
import koffi, { type LibraryHandle } from '#koffi'

/** A GPU as its driver describes it. */
export interface Gpu {
  readonly name: string
  /** Bytes. */
  readonly memory: number
  /** Compute capability, such as [8, 6]. */
  readonly capability: readonly [major: number, minor: number]
}

/** A driver error: its number (CUresult) and name, such as CUDA_ERROR_NO_DEVICE. */
export interface DriverError {
  readonly code: number
  readonly name: string
}

/** An installed driver. */
export interface CudaDriver {
  /** The newest CUDA version that it supports: 1000 major + 10 minor. */
  readonly cudaVersion: number
  /** The GPUs that CUDA_VISIBLE_DEVICES lets this process use, or why the driver did not start. */
  gpus(): Gpu[] | DriverError
}

const LIBRARY = 'libcuda.so.1'

/** koffi's message if the library itself is missing, rather than one that it depends on. */
const ABSENT = /library: (libcuda\.so\.1: )?cannot open shared object file/

/** CUdevice_attribute: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and …_MINOR. */
const CAPABILITY = [75, 76] as const

const LONGEST_NAME = 256

/** The driver of this machine; undefined if it has none. Throws an Error of one line if its library exists but cannot be used. */
export function openDriver(): CudaDriver | undefined {
  const library = loadDriver()
  if (!library) return undefined
  const version = new Int32Array(1)
  const cuDriverGetVersion = library.func('cuDriverGetVersion', 'int', ['void *']) as (version: Int32Array) => number
  const code = cuDriverGetVersion(version)
  if (code !== 0)
    throw new Error(`${LIBRARY} does not belong to a working driver: ${errorName(library, code)} (${code})`)
  return { cudaVersion: version[0] ?? 0, gpus: () => listGpus(library) }
}

/** Whether the device file of the driver's kernel module exists, natively or in WSL. */
export const hasDeviceFile = (): boolean => existsSync('/dev/nvidiactl') || existsSync('/dev/dxg')

function loadDriver(): LibraryHandle | undefined {
  try {
    return koffi.load(LIBRARY, { global: true })
  } catch (error) {
    const text = (error as Error).message
    if (ABSENT.test(text)) return undefined
    throw new Error(`${LIBRARY} cannot be loaded: ${text.replace('Failed to load shared library: ', '')}`)
  }
}

function listGpus(library: LibraryHandle): Gpu[] | DriverError {
  const int = new Int32Array(1)
  const call = (name: string, types: string[], ...args: unknown[]): void => {
    const code = (library.func(name, 'int', types) as (...args: unknown[]) => number)(...args)
    if (code !== 0) throw new CallFailed(code)
  }
  const read = (name: string, types: string[], ...args: unknown[]): number => {
    call(name, ['void *', ...types], int, ...args)
    return int[0] ?? 0
  }
  try {
    call('cuInit', ['unsigned int'], 0)
    return Array.from({ length: read('cuDeviceGetCount', []) }, (_, i) => {
      const device = read('cuDeviceGet', ['int'], i)
      const [name, memory] = [new Uint8Array(LONGEST_NAME), new BigUint64Array(1)]
      call('cuDeviceGetName', ['void *', 'int', 'int'], name, LONGEST_NAME, device)
      call('cuDeviceTotalMem_v2', ['void *', 'int'], memory, device)
      const [major, minor] = CAPABILITY.map(attribute =>
        read('cuDeviceGetAttribute', ['int', 'int'], attribute, device),
      ) as [number, number]
      return { name: untilZero(name), memory: Number(memory[0]), capability: [major, minor] }
    })
  } catch (error) {
    if (error instanceof CallFailed) return { code: error.code, name: errorName(library, error.code) }
    throw error
  }
}

class CallFailed extends Error {
  constructor(readonly code: number) {
    super(`CUDA error ${code}`)
  }
}

function errorName(library: LibraryHandle, code: number): string {
  const name: [string | null] = [null]
  const cuGetErrorName = library.func('cuGetErrorName', 'int', ['int', '_Out_ const char **']) as (
    code: number,
    name: [string | null],
  ) => number
  cuGetErrorName(code, name)
  return name[0] ?? `CUDA error ${code}`
}

const untilZero = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('utf8')
