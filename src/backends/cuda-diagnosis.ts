/** Whether this machine can compute with CUDA. If not, gives the first reason, in the order in which a person would fix them. */
import { basename } from 'node:path'
import { cudaDirectory, cudaWheel, cudaWheels, missingWheels, unsupportedCuda } from '../libtensorflow/cuda-build.js'
import { type CudaDriver, type DriverError, type Gpu, hasDeviceFile, openDriver } from '../libtensorflow/cuda-driver.js'
import { cacheProblem, lastFailure } from '../libtensorflow/location.js'
import type { Reason, Wheel } from '../libtensorflow/wheels.js'

/** The properties of a machine that decide this; tests pass their own. */
export interface CudaHost {
  /** Why there is no CUDA build for this machine; undefined if there is one. */
  readonly unsupported: Reason | undefined
  /** The wheels of the build that are not in the cache, or incomplete there. */
  missing(): readonly Wheel[]
  /** Undefined without an NVIDIA driver. */
  driver(): CudaDriver | undefined
  readonly hasDeviceFile: boolean
  /** CUDA_VISIBLE_DEVICES. */
  readonly visibleDevices: string | undefined
}

export interface CudaRefusal extends Reason {
  /** There is no sign of an NVIDIA GPU on this machine. */
  readonly isExpected: boolean
}

/** CUDA 12.0, whose driver runs libraries of every CUDA 12 (minor version compatibility). */
const NEEDED_CUDA = 12_000
const NEEDED_DRIVER = '525.60.13'

/** Compute capability of the oldest GPUs that the build has code for: Pascal. */
const NEEDED_CAPABILITY = 6.0

const INSTALL = 'run `npx elbo setup --cuda`'
const INSTALL_DRIVER = `install NVIDIA's driver, ${NEEDED_DRIVER} or newer (nothing else of CUDA is needed)`

export const thisHost = (): CudaHost => ({
  unsupported: unsupportedCuda() ?? cacheProblem(cudaWheel),
  missing: missingWheels,
  driver: openDriver,
  hasDeviceFile: hasDeviceFile(),
  visibleDevices: process.env.CUDA_VISIBLE_DEVICES,
})

/** The GPU that TensorFlow will compute on, or why there is none. Loads nothing but the driver. */
export function findGpu(host: CudaHost): Gpu | CudaRefusal {
  const { unsupported } = host
  if (unsupported) return { ...unsupported, isExpected: true }
  const driver = findDriver(host)
  return incomplete(host, driver) ?? ('reason' in driver ? driver : firstGpu(host, driver))
}

/** A driver that can be used, or why there is none. */
function findDriver(host: CudaHost): CudaDriver | CudaRefusal {
  let driver: CudaDriver | undefined
  try {
    driver = host.driver()
  } catch (error) {
    return refuse((error as Error).message, "repair NVIDIA's driver")
  }
  if (!driver) {
    const reason = 'this machine has no NVIDIA driver (no libcuda.so.1)'
    return { reason, fix: `${INSTALL_DRIVER}, on a machine with an NVIDIA GPU`, isExpected: !host.hasDeviceFile }
  }
  if (!host.hasDeviceFile) {
    const reason = "the NVIDIA driver's library is installed, but its device is missing (no /dev/nvidiactl)"
    return refuse(reason, 'load the kernel module (`nvidia-smi` does); in a container, start it with `--gpus all`')
  }
  const { cudaVersion } = driver
  if (cudaVersion >= NEEDED_CUDA) return driver
  const reason = `the NVIDIA driver is too old: it supports CUDA ${versionText(cudaVersion)}, and TensorFlow needs ${versionText(NEEDED_CUDA)}`
  return refuse(reason, INSTALL_DRIVER)
}

/** Why the build cannot be loaded: it is not installed, or some libraries are missing. */
function incomplete(host: CudaHost, driver: CudaDriver | CudaRefusal): CudaRefusal | undefined {
  const missing = host.missing()
  const [first] = missing
  if (!first) return undefined
  if (missing.length < cudaWheels.length) {
    const names = missing.map(({ package: name, libraries }) => `${name} (${libraries.map(path => basename(path))})`)
    return refuse(`the CUDA build of TensorFlow is incomplete: ${names.join(', ')} missing`, INSTALL)
  }
  const failure = lastFailure(cudaWheel)
  if (failure) return refuse(failure.reason, failure.fix)
  const reason = `the CUDA build of TensorFlow is not in ${cudaDirectory()}`
  const gigabytes = (cudaWheels.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9).toFixed(1)
  const fix = `${INSTALL}, which fetches it (${gigabytes} GB)`
  if (!('reason' in driver)) return refuse(reason, fix)
  return { reason: `${reason}, and ${driver.reason}`, fix: `${driver.fix}; then ${fix}`, isExpected: driver.isExpected }
}

function firstGpu({ visibleDevices }: CudaHost, driver: CudaDriver): Gpu | CudaRefusal {
  const gpus = driver.gpus()
  if ('code' in gpus) return driverRefusal(gpus, visibleDevices)
  const [gpu] = gpus
  if (!gpu) return noDevice(visibleDevices)
  if (Number(gpu.capability.join('.')) >= NEEDED_CAPABILITY) return gpu
  const reason = `${gpu.name} has compute capability ${gpu.capability.join('.')}, and TensorFlow needs ${NEEDED_CAPABILITY.toFixed(1)}`
  return refuse(reason, 'use a newer GPU; if there are several, choose one with CUDA_VISIBLE_DEVICES')
}

const NO_DEVICE = 100
/** The library and the kernel module have different versions: the driver was updated while the system was running. */
const VERSION_MISMATCH = [803, 804]

function driverRefusal({ code, name }: DriverError, visibleDevices: string | undefined): CudaRefusal {
  if (code === NO_DEVICE) return noDevice(visibleDevices)
  const fix = VERSION_MISMATCH.includes(code)
    ? 'restart the machine, so that the driver and its kernel module have the same version'
    : 'see what `nvidia-smi` reports; restarting the machine often helps'
  return refuse(`the NVIDIA driver does not start: ${name} (${code})`, fix)
}

function noDevice(visibleDevices: string | undefined): CudaRefusal {
  if (visibleDevices !== undefined)
    return refuse(
      `CUDA_VISIBLE_DEVICES='${visibleDevices}' hides every GPU`,
      'unset it, or set it to a GPU number that `nvidia-smi` lists',
    )
  return refuse(
    'the NVIDIA driver finds no GPU',
    'see what `nvidia-smi` reports; in a container, start it with `--gpus all`',
  )
}

const refuse = (reason: string, fix: string): CudaRefusal => ({ reason, fix, isExpected: false })

const versionText = (version: number): string => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`
