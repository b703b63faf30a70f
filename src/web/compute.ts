/** TF.js in the page: the first of webgpu, webgl, wasm and cpu that runs here. */
import * as tf from '#tfjs'

/** The backend that computes, and why the faster ones do not. */
export interface Compute {
  /** webgpu, webgl, wasm or cpu. */
  readonly backend: string
  /** In words, such as `wasm, on the CPU`. */
  readonly device: string
  /** One line for each faster backend that does not run. */
  readonly refusals: readonly string[]
}

/** Opens one backend; throws an Error with the reason if it does not run here. Returns what it computes on. */
type Open = () => Promise<string>

const candidates: readonly (readonly [name: string, open: Open])[] = [
  ['webgpu', openWebgpu],
  ['webgl', openWebgl],
  ['wasm', openWasm],
  ['cpu', openCpu],
]

let opened: Promise<Compute> | undefined

/** Opens a backend once; `only` names the one to take, for tests. Throws an Error with all reasons if none runs. */
export function compute(only?: string): Promise<Compute> {
  opened ??= openFirst(only)
  return opened
}

async function openFirst(only: string | undefined): Promise<Compute> {
  const refusals: string[] = []
  for (const [backend, open] of candidates) {
    if (only !== undefined && backend !== only) continue
    try {
      const device = await open()
      if (!(await tf.setBackend(backend))) throw new Error('it did not start')
      await tf.ready()
      return { backend, device, refusals }
    } catch (error) {
      refusals.push(`${backend}: ${(error as Error).message}`)
    }
  }
  throw new Error(`no backend of TF.js runs in this browser. ${refusals.join('; ')}`)
}

interface Adapter {
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly vendor?: string; readonly architecture?: string }
  readonly isFallbackAdapter?: boolean
}

async function openWebgpu(): Promise<string> {
  const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<Adapter | null> } }
  if (gpu === undefined) throw new Error('this browser has no WebGPU, or not at this address')
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error('there is no GPU that it can use')
  if (adapter.info?.isFallbackAdapter || adapter.isFallbackAdapter)
    throw new Error('its adapter computes on the CPU, slower than wasm')
  await import('@tensorflow/tfjs-backend-webgpu')
  return `GPU ${[adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(' ')}`.trim()
}

async function openWebgl(): Promise<string> {
  const gl = document.createElement('canvas').getContext('webgl2')
  if (gl === null) throw new Error('this browser has no WebGL 2')
  const names = gl.getExtension('WEBGL_debug_renderer_info')
  const renderer = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  if (/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer))
    throw new Error('its renderer computes on the CPU, slower than wasm')
  await import('@tensorflow/tfjs-backend-webgl')
  if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) throw new Error('it has no 32-bit numbers here')
  return `GPU ${renderer}`
}

async function openWasm(): Promise<string> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(new URL('.', document.baseURI).href)
  const [{ registerWasmKernels }, { registerNegativeAxes }, { registerTransposedProduct }] = await Promise.all([
    import('../backends/wasm-kernels.js'),
    import('../backends/negative-axes.js'),
    import('../backends/transposed-product.js'),
  ])
  if (!(await tf.setBackend('wasm'))) throw new Error('its WebAssembly module did not start')
  registerTransposedProduct('wasm')
  registerWasmKernels()
  registerNegativeAxes('wasm')
  return 'CPU, WebAssembly, 1 thread'
}

async function openCpu(): Promise<string> {
  await import('@tensorflow/tfjs-backend-cpu')
  const { registerNegativeAxes } = await import('../backends/negative-axes.js')
  registerNegativeAxes('cpu')
  return 'CPU, JavaScript, 1 thread'
}
