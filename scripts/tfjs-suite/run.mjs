// Runs the bundled specs on our backend, in Jasmine, whose functions the specs expect as globals.
import { readFileSync } from 'node:fs'
import { createRequire, Module } from 'node:module'
import { availableParallelism } from 'node:os'

const require = createRequire(import.meta.url)
const PROGRESS_EVERY = 500

/** Resolves to the counts, and to each failure's full name and messages. */
export async function runSpecs({ specs, binding }, backend = 'tensorflow') {
  require('jasmine-core').boot()
  const { modules, describeSpecs } = require(specs)
  for (const [name, load] of Object.entries(modules)) preload(name, load)
  await describeSpecs(await openBackend(await import(binding), backend))
  const leftOut = namesLeftOut()
  const environment = globalThis.jasmine.getEnv()
  const result = { passed: 0, skipped: 0, failures: [] }
  environment.configure({
    random: false,
    specFilter: spec => !leftOut.some(name => spec.getFullName().includes(name)),
  })
  environment.addReporter(counter(result))
  // Specs about errors and slow fallbacks print hundreds of warnings.
  console.warn = () => {}
  await environment.execute()
  return result
}

async function openBackend(native, backend) {
  if (backend === 'cuda') return openCuda(native)
  const { createBinding, createNodeBackend, libraryDirectory, openLibrary } = native
  const directory = libraryDirectory()
  if (directory === undefined) throw new Error('this platform has no native TensorFlow: the suite cannot run here')
  const opened = createBinding(openLibrary(directory))
  console.log(`TF.js's own specs on TensorFlow ${opened.TF_Version} in ${directory}`)
  return createNodeBackend(opened)
}

/** As src/backends/cuda.ts does. */
function openCuda(native) {
  const directory = native.cachedLibrary(native.cudaWheel)
  native.loadNvidiaLibraries()
  const config = native.sessionConfig({ threads: availableParallelism(), gpu: true })
  const opened = native.createBinding(native.openLibrary(directory), { config })
  native.setFullFloat32(directory)
  const devices = opened.devices.map(({ name }) => name).join(', ')
  console.log(`TF.js's own specs on TensorFlow ${opened.TF_Version} in ${directory}, on ${devices}`)
  if (!opened.isUsingGpuDevice()) throw new Error('TensorFlow finds no GPU: `elbo backends` says why')
  return native.createNodeBackend(opened)
}

/** Makes `require(name)` return the result of `load`, which is called on first use. */
function preload(name, load) {
  const path = require.resolve(name)
  const module = new Module(path)
  Object.defineProperty(module, 'exports', { get: load })
  module.loaded = true
  require.cache[path] = module
}

/** tfjs-node's own list of specs that its kernels are not meant to pass. */
function namesLeftOut() {
  const source = readFileSync(require.resolve('@tensorflow/tfjs-node/dist/run_tests.js'), 'utf8')
  const list = /var IGNORE_LIST = (\[[\s\S]*?\n\]);/.exec(source)?.[1]
  if (list === undefined) throw new Error('tfjs-node has changed: no IGNORE_LIST in its run_tests.js')
  return new Function(`return ${list}`)()
}

function counter(result) {
  let done = 0
  return {
    specDone({ status, fullName, failedExpectations }) {
      if (status === 'passed') result.passed++
      else if (status === 'failed') {
        result.failures.push({ name: fullName, messages: failedExpectations.map(({ message }) => message) })
      } else result.skipped++
      if (++done % PROGRESS_EVERY === 0) console.log(`${done} specs, ${result.failures.length} failed`)
    },
  }
}
