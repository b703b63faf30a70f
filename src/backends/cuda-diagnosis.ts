/** Whether this machine can compute with CUDA and, if not, the first reason why in the order in which a person would mend them. */
import { basename } from 'node:path'
import { cudaDirectory, cudaWheel, cudaWheels, missingWheels, unsupportedCuda } from '../libtensorflow/cuda-build.mjs'
import { type CudaDriver, type DriverError, type Gpu, hasDeviceFile, openDriver } from '../libtensorflow/cuda-driver.js'
import { lastFailure, type Reason, type Wheel } from '../libtensorflow/location.mjs'

/** What decides it; a test gives a machine of its own. */
export interface CudaHost {
  /** Why there is no CUDA build for this machine at all. */
  readonly unsupported: Reason | undefined
  /** The wheels of the build that are not in the cache, or not whole. */
  missing(): readonly Wheel[]
  /** Undefined without an NVIDIA driver. */
  driver(): CudaDriver | undefined
  readonly hasDeviceFile: boolean
  /** CUDA_VISIBLE_DEVICES. */
  readonly visibleDevices: string | undefined
}

export interface CudaRefusal extends Reason {
  /** There is no sign of an NVIDIA GPU: nothing that this machine has lies idle. */
  readonly isExpected: boolean
}

/** CUDA 12.0, whose driver runs libraries of every CUDA 12 (minor version compatibility). */
const NEEDED_CUDA = 12_000
const NEEDED_DRIVER = '525.60.13'

/** The oldest GPU that the build has code for: Pascal. */
const NEEDED_CAPABILITY = 6.0

const INSTALL = 'run `npm run setup -- --cuda`'
const INSTALL_DRIVER = `install NVIDIA's driver, ${NEEDED_DRIVER} or newer (nothing else of CUDA is needed)`

export const thisHost = (): CudaHost => ({
  unsupported: unsupportedCuda(),
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
export function findDriver(host: CudaHost): CudaDriver | CudaRefusal {
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
    const reason = "the NVIDIA driver's library is here, but not its device (no /dev/nvidiactl)"
    return refuse(reason, 'load the kernel module (`nvidia-smi` does); in a container, start it with `--gpus all`')
  }
  const { cudaVersion } = driver
  if (cudaVersion >= NEEDED_CUDA) return driver
  const reason = `the NVIDIA driver is too old: it runs CUDA ${versionText(cudaVersion)}, and TensorFlow needs ${versionText(NEEDED_CUDA)}`
  return refuse(reason, INSTALL_DRIVER)
}

/** Why the build cannot be loaded: nothing of it is there, or which library is not. */
function incomplete(host: CudaHost, driver: CudaDriver | CudaRefusal): CudaRefusal | undefined {
  const missing = host.missing()
  const [first] = missing
  if (!first) return undefined
  if (missing.length < cudaWheels.length) {
    const names = missing.map(({ package: name, libraries }) => `${name} (${libraries.map(path => basename(path))})`)
    return refuse(`the CUDA build of TensorFlow is not whole: ${names.join(', ')} missing`, INSTALL)
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
  return refuse(reason, 'use a newer GPU; where there are several, choose one by CUDA_VISIBLE_DEVICES')
}

const NO_DEVICE = 100
/** The library is of another version than the kernel module: the driver was updated under a running system. */
const VERSION_MISMATCH = [803, 804]

function driverRefusal({ code, name }: DriverError, visibleDevices: string | undefined): CudaRefusal {
  if (code === NO_DEVICE) return noDevice(visibleDevices)
  const fix = VERSION_MISMATCH.includes(code)
    ? 'restart the machine, so that the driver and its kernel module are of one version'
    : 'look at what `nvidia-smi` says; restarting the machine often helps'
  return refuse(`the NVIDIA driver does not start: ${name} (${code})`, fix)
}

function noDevice(visibleDevices: string | undefined): CudaRefusal {
  if (visibleDevices !== undefined)
    return refuse(
      `CUDA_VISIBLE_DEVICES='${visibleDevices}' hides every GPU`,
      'unset it, or name a GPU as `nvidia-smi` counts',
    )
  return refuse(
    'the NVIDIA driver finds no GPU',
    'look at what `nvidia-smi` says; in a container, start it with `--gpus all`',
  )
}

const refuse = (reason: string, fix: string): CudaRefusal => ({ reason, fix, isExpected: false })

const versionText = (version: number): string => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`
