/**
 * GPUs of any vendor through WebGPU: TF.js's backend for browsers on Dawn, Chromium's implementation, which the npm package `webgpu` brings
 * to Node. Users install both themselves: Dawn unpacks to 132 MB, too much for those who do not use it. Values are read asynchronously only.
 * The tests run it on a software adapter (SwiftShader); docs/gpu.md says what has run on a GPU.
 */
import { createRequire } from 'node:module'
import * as tf from '#tfjs'
import { type Backend, type BackendCandidate, BackendRefusal } from './backend.js'

const NAME = 'webgpu'
const PACKAGES = ['webgpu@0.6.2', `@tensorflow/tfjs-backend-webgpu@${tf.version_core}`]
const INSTALL = `run \`npm install --no-save ${PACKAGES.join(' ')}\` (150 MB)`

/** Takes any adapter: for `--backend webgpu`. */
export const webgpu: BackendCandidate = { name: NAME, opensFirst: true, open }

/** Takes only a GPU: for `auto`, because a software adapter is slower than the CPU backends. */
export const webgpuOnGpu: BackendCandidate = {
  name: NAME,
  async open() {
    requireGpu((await findAdapter()).info)
    return open()
  },
}

/** Throws a `BackendRefusal` if the adapter computes in software. */
export function requireGpu(info: AdapterInfo): void {
  if (!info.isFallbackAdapter) return
  const fix = "install the GPU's Vulkan driver, if there is a GPU; `--backend webgpu` uses this adapter anyway"
  throw new BackendRefusal(NAME, `its only adapter is not a GPU (${describeAdapter(info)})`, fix)
}

/** The part of WebGPU's API, and of the packages, that is used here. */
interface Adapter {
  readonly info: AdapterInfo
  readonly limits: Readonly<Record<string, number>>
  requestDevice(descriptor: { requiredLimits: Record<string, number> }): Promise<Device>
}

/** Identifiers, such as 'nvidia', 'ampere' and 'nvidia-geforce-rtx-3070', and the driver's description; '' if unknown. */
export interface AdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  /** It computes in software, on the CPU. */
  readonly isFallbackAdapter: boolean
}

interface Device {
  readonly lost: Promise<{ message: string }>
  addEventListener(type: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void
}

interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>
}

interface Dawn {
  create(options: string[]): Gpu
  globals: Record<string, unknown>
}

interface WebGpuBackend extends tf.KernelBackend {
  readonly tensorMap: { get(dataId: object): { values: unknown; resource?: unknown } }
}

interface BackendPackage {
  WebGPUBackend: new (device: Device, info: AdapterInfo) => WebGpuBackend
}

/** Dawn's instance and its adapter, created once per process. */
let found: { gpu: Gpu; adapter: Adapter } | undefined

async function open(): Promise<Backend> {
  const adapter = await findAdapter()
  if (!tf.findBackend(NAME)) {
    const backend = await createBackend(adapter)
    tf.registerBackend(NAME, () => backend)
  }
  return {
    name: NAME,
    tfjsName: NAME,
    version: `TF.js WebGPU ${tf.version_core} on Dawn ${dawnVersion()}`,
    device: describeAdapter(adapter.info),
    inSoftware: adapter.info.isFallbackAdapter,
  }
}

/** Such as 'nvidia-geforce-rtx-3070 (nvidia ampere, NVIDIA: 535.54)'; or 'CPU, in software: …'. */
export function describeAdapter({ vendor, architecture, device, description, isFallbackAdapter }: AdapterInfo): string {
  const details = [[vendor, architecture].filter(Boolean).join(' '), description].filter(Boolean).join(', ')
  return `${isFallbackAdapter ? 'CPU, in software: ' : ''}${device || 'unnamed'}${details && ` (${details})`}`
}

async function findAdapter(): Promise<Adapter> {
  if (found) return found.adapter
  const { create, globals } = (await load('webgpu')) as Dawn
  Object.assign(globalThis, globals) // TF.js's backend finds GPUBufferUsage and the like there, as in a browser
  const gpu = create([])
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new BackendRefusal(NAME, 'Dawn finds no GPU that it can use', ADAPTER_FIX)
  found = { gpu, adapter }
  return adapter
}

const ADAPTER_FIX =
  process.platform === 'linux'
    ? "install the GPU's Vulkan driver, version 1.1 or newer (`vulkaninfo --summary` should list the GPU)"
    : "update the GPU's driver"

async function load(name: string): Promise<unknown> {
  try {
    return await import(name)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND')
      throw new BackendRefusal(NAME, `npm's package ${name} is not installed`, INSTALL, true)
    const fix = 'check its requirements; Dawn is built for macOS, Windows and Linux with glibc, x64 and arm64'
    throw new BackendRefusal(NAME, `npm's package ${name} cannot be loaded: ${message.split('\n')[0]}`, fix)
  }
}

const dawnVersion = (): string => createRequire(import.meta.url)('webgpu/package.json').version

/** Limits for which TF.js needs more than WebGPU's defaults. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
]

async function createBackend(adapter: Adapter): Promise<WebGpuBackend> {
  const { WebGPUBackend } = (await load('@tensorflow/tfjs-backend-webgpu')) as BackendPackage
  if (!tf.getKernel('BatchMatMul', NAME)) {
    const reason = '@tensorflow/tfjs-backend-webgpu does not match this version of TF.js'
    throw new BackendRefusal(NAME, reason, INSTALL)
  }
  const requiredLimits = Object.fromEntries(LIMITS.map(name => [name, adapter.limits[name] as number]))
  const device = await adapter.requestDevice({ requiredLimits })
  const backend = asBrowser(() => new WebGPUBackend(device, adapter.info))
  refuseSyncReads(backend)
  failWithDevice(backend, device)
  return backend
}

/** The backend's constructor only checks that `navigator.gpu` exists. */
function asBrowser<T>(construct: () => T): T {
  const original = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: found?.gpu }, configurable: true })
  try {
    return construct()
  } finally {
    if (original) Object.defineProperty(globalThis, 'navigator', original)
    else Reflect.deleteProperty(globalThis, 'navigator')
  }
}

/** The backend would read through a canvas, which Node does not have. */
function refuseSyncReads(backend: WebGpuBackend): void {
  const readSync = backend.readSync.bind(backend)
  backend.readSync = dataId => {
    const { values, resource } = backend.tensorMap.get(dataId)
    if (values == null && resource)
      throw new Error(
        `the backend ${NAME} cannot wait for values (dataSync): use \`await tensor.data()\`, or another backend`,
      )
    return readSync(dataId)
  }
}

/** WebGPU reports errors apart from the calls that caused them, and continues with zeros. So the next read after an error throws. */
function failWithDevice(backend: WebGpuBackend, device: Device): void {
  let failure: string | undefined
  device.addEventListener('uncapturederror', ({ error }) => {
    failure ??= error.message
  })
  void device.lost.then(({ message }) => {
    failure ??= `the GPU was lost: ${message}`
  })
  const read = backend.read.bind(backend)
  backend.read = async dataId => {
    const values = await read(dataId)
    if (failure !== undefined) throw new Error(`the backend ${NAME} failed: ${failure.split('\n')[0]}`)
    return values
  }
}
