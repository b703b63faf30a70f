/**
 * What the backends on native TensorFlow share. A process loads one libtensorflow, because two would register the same names, and has one
 * number of threads, because TensorFlow's contexts share them. tfjs-node looks its backend up in TF.js as 'tensorflow', so the backend that
 * was opened last is registered under that name.
 */
import { availableParallelism } from 'node:os'
import * as tf from '#tfjs'
import { type Binding, createBinding } from '../libtensorflow/binding.js'
import { type CApi, openLibrary } from '../libtensorflow/c-api.js'
import { type SessionSettings, sessionConfig } from '../libtensorflow/context.js'
import { createNodeBackend } from '../libtensorflow/node-backend.js'
import { type BackendOptions, BackendRefusal } from './backend.js'
import { registerNegativeAxes } from './negative-axes.js'

/** The name of these backends in TF.js. */
export const TFJS_NAME = 'tensorflow'

let loaded: { directory: string; api: CApi } | undefined
let threadsOfProcess: number | undefined
const bindings = new Map<string, Binding>()
let registered: Binding | undefined

/** The directory of the libtensorflow that this process has loaded, if any. */
export const loadedDirectory = (): string | undefined => loaded?.directory

/** The number of CPU threads of a backend (default: all available). */
export const threadsOf = ({ threads }: BackendOptions): number => threads ?? availableParallelism()

/**
 * Loads the library from `directory`, unless one is loaded, and returns the binding of the backend `name`, which is created once. Throws an
 * Error of one line if the library cannot be used, a `BackendRefusal` if the process uses another number of threads.
 */
export function openNative(
  name: string,
  directory: string,
  options: BackendOptions,
  settings: Omit<SessionSettings, 'threads'>,
): Binding {
  const threads = threadsOf(options)
  requireThreads(name, threads)
  process.env.TF_CPP_MIN_LOG_LEVEL ??= logLevel(options) // read by the library when it loads
  loaded ??= { directory, api: openLibrary(directory) }
  const config = sessionConfig({ ...settings, threads })
  const binding = bindings.get(name) ?? createBinding(loaded.api, { config, cluster: options.cluster })
  bindings.set(name, binding)
  threadsOfProcess = threads
  return binding
}

/** '0' prints all that TensorFlow says, '2' errors only, '3' nothing: a worker says itself, in one line, that another one is lost. */
function logLevel({ debug, cluster }: BackendOptions): string {
  if (debug) return '0'
  return cluster ? '3' : '2'
}

function requireThreads(name: string, threads: number): void {
  if (threadsOfProcess === undefined || threads === threadsOfProcess) return
  throw new BackendRefusal(
    name,
    `this process computes with ${threadsOfProcess} threads already, and cannot change to ${threads}`,
    'choose the threads when the first backend is opened',
  )
}

/** Registers a backend on this binding as TF.js's 'tensorflow'. */
export function register(binding: Binding): void {
  if (registered === binding) return
  if (tf.findBackendFactory(TFJS_NAME)) tf.removeBackend(TFJS_NAME)
  tf.registerBackend(TFJS_NAME, () => newBackend(binding), 3)
  registered = binding
}

function newBackend(binding: Binding): tf.KernelBackend {
  const backend = createNodeBackend(binding) // registers tfjs-node's kernels
  registerNegativeAxes(TFJS_NAME)
  return backend
}

/** Such as '2 threads'. */
export const countThreads = (threads: number): string => `${threads} ${threads === 1 ? 'thread' : 'threads'}`
