// The part of TensorFlow's C API that this project calls, each function declared once: tensorflow/c/c_api.h, tf_tensor.h, tf_tstring.h,
// eager/c_api.h. To use another one, add its line to `functions`; a wrong line crashes the process, so copy it from the header.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import koffi, { type LibraryHandle } from '#koffi'
import { setEnvironment, withoutStderr } from './process.js'

declare const brand: unique symbol

/** The address of an object that TensorFlow owns, typed by the name of its C type. */
export type Pointer<Name extends string> = bigint & { readonly [brand]: Name }

export type Status = Pointer<'TF_Status'>
export type Buffer = Pointer<'TF_Buffer'>
export type Tensor = Pointer<'TF_Tensor'>
export type TensorHandle = Pointer<'TFE_TensorHandle'>
export type EagerContext = Pointer<'TFE_Context'>
export type Op = Pointer<'TFE_Op'>
export type Graph = Pointer<'TF_Graph'>
export type Session = Pointer<'TF_Session'>
export type FunctionPointer = Pointer<'TF_Function'>
type Operation = Pointer<'TF_Operation'>
type ContextOptions = Pointer<'TFE_ContextOptions'>
type SessionOptions = Pointer<'TF_SessionOptions'>
type ImportOptions = Pointer<'TF_ImportGraphDefOptions'>
type DeviceList = Pointer<'TF_DeviceList'>
/** Memory inside a tensor: numbers, or `TF_TString`s of 24 bytes each. */
export type Data = Pointer<'data'>

/** A C type (`c`, as koffi spells it) and the TypeScript type `T` that stands for it. */
interface CType<T> {
  readonly c: string
  readonly ts?: T
}

interface Declaration<Args extends unknown[], Result> {
  readonly result: CType<Result>
  readonly parameters: { [I in keyof Args]: CType<Args[I]> }
}

/** A declaration without its TypeScript types. */
interface Signature {
  readonly result: CType<unknown>
  readonly parameters: readonly CType<unknown>[]
}

/** A C function. A direct call blocks; `async` runs it on a worker thread. */
type CFunction<Args extends unknown[], Result> = {
  (...args: Args): Result
  async(...args: [...Args, (error: Error | null, result: Result) => void]): void
}

/** C can return NULL for every pointer and text: `required` takes what it returned, or throws. */
type Returned<Result> = Result extends Pointer<string> | string ? Result | null : Result

const pointer = <T extends bigint>(): CType<T> => ({ c: 'void *' })
const nullable = <T extends bigint>(): CType<T | null> => ({ c: 'void *' })

const nothing: CType<void> = { c: 'void' }
const int: CType<number> = { c: 'int' }
const int64: CType<number | bigint> = { c: 'int64_t' }
const size: CType<number | bigint> = { c: 'size_t' }
const float: CType<number> = { c: 'float' }
const byte: CType<number> = { c: 'unsigned char' }
const text: CType<string> = { c: 'str' }
/** An array of addresses of typed arrays. */
const memories: CType<readonly ArrayBufferView[]> = { c: 'void **' }
const texts: CType<readonly string[]> = { c: 'const char **' }
const int64s: CType<readonly number[]> = { c: 'const int64_t *' }
/** A typed array whose memory C reads or writes in place; C must not keep its address. */
const memory: CType<ArrayBufferView> = { c: 'void *' }
/** The source or target of a copy: a typed array, or memory inside a tensor. */
const place: CType<ArrayBufferView | Data> = { c: 'void *' }

const status = pointer<Status>()
const buffer = pointer<Buffer>()
const tensor = pointer<Tensor>()
const handle = pointer<TensorHandle>()
const context = pointer<EagerContext>()
const op = pointer<Op>()
const graph = pointer<Graph>()
const operation = pointer<Operation>()
const session = pointer<Session>()
const contextOptions = pointer<ContextOptions>()
const sessionOptions = pointer<SessionOptions>()
const functionPointer = pointer<FunctionPointer>()
const importOptions = pointer<ImportOptions>()
const deviceList = pointer<DeviceList>()
const data = pointer<Data>()

function fn<Args extends unknown[], Result>(
  result: CType<Result>,
  ...parameters: { [I in keyof Args]: CType<Args[I]> }
): Declaration<Args, Result> {
  return { result, parameters }
}

const functions = {
  memcpy: fn(nothing, place, place, size),

  TF_Version: fn(text),
  TF_NewStatus: fn(status),
  TF_DeleteStatus: fn(nothing, status),
  TF_SetStatus: fn(nothing, status, int, text),
  TF_GetCode: fn(int, status),
  TF_Message: fn(text, status),
  TF_NewBufferFromString: fn(buffer, memory, size),
  TF_DeleteBuffer: fn(nothing, buffer),
  TF_GetAllOpList: fn(buffer),

  TF_AllocateTensor: fn(tensor, int, int64s, int, size),
  TF_TensorFromProto: fn(nothing, buffer, tensor, status),
  TF_DeleteTensor: fn(nothing, tensor),
  TF_TensorType: fn(int, tensor),
  TF_TensorByteSize: fn(size, tensor),
  TF_TensorData: fn(data, tensor),
  TF_StringGetDataPointer: fn(data, data),
  TF_StringGetSize: fn(size, data),

  TFE_NewContextOptions: fn(contextOptions),
  TFE_ContextOptionsSetConfig: fn(nothing, contextOptions, memory, size, status),
  TFE_DeleteContextOptions: fn(nothing, contextOptions),
  TFE_NewContext: fn(context, contextOptions, status),
  TFE_DeleteContext: fn(nothing, context),
  TFE_EnableCollectiveOps: fn(nothing, context, memory, size, status),
  TFE_AbortCollectiveOps: fn(nothing, context, status),
  TFE_CollectiveOpsCheckPeerHealth: fn(nothing, context, text, int64, status),
  TFE_ContextListDevices: fn(deviceList, context, status),
  TF_DeviceListCount: fn(int, deviceList),
  TF_DeviceListName: fn(text, deviceList, int, status),
  TF_DeviceListType: fn(text, deviceList, int, status),
  TF_DeleteDeviceList: fn(nothing, deviceList),

  TFE_NewTensorHandle: fn(handle, tensor, status),
  TFE_DeleteTensorHandle: fn(nothing, handle),
  TFE_TensorHandleDataType: fn(int, handle),
  TFE_TensorHandleNumDims: fn(int, handle, status),
  TFE_TensorHandleDim: fn(int64, handle, int, status),
  TFE_TensorHandleResolve: fn(tensor, handle, status),
  TFE_TensorHandleBackingDeviceName: fn(text, handle, status),
  TFE_TensorHandleCopySharingTensor: fn(handle, handle, status),
  TFE_TensorHandleCopyToDevice: fn(handle, handle, context, text, status),

  TFE_NewOp: fn(op, context, text, status),
  TFE_DeleteOp: fn(nothing, op),
  TFE_OpAddInput: fn(nothing, op, handle, status),
  TFE_OpSetAttrString: fn(nothing, op, text, memory, size),
  TFE_OpSetAttrInt: fn(nothing, op, text, int64),
  TFE_OpSetAttrFloat: fn(nothing, op, text, float),
  TFE_OpSetAttrBool: fn(nothing, op, text, byte),
  TFE_OpSetAttrType: fn(nothing, op, text, int),
  TFE_OpSetAttrShape: fn(nothing, op, text, int64s, int, status),
  TFE_OpSetAttrStringList: fn(nothing, op, text, memories, memory, int),
  TFE_OpSetAttrIntList: fn(nothing, op, text, int64s, int),
  TFE_OpSetAttrFloatList: fn(nothing, op, text, memory, int),
  TFE_OpSetAttrBoolList: fn(nothing, op, text, memory, int),
  TFE_OpSetAttrTypeList: fn(nothing, op, text, memory, int),
  TFE_OpSetAttrShapeList: fn(nothing, op, text, memories, memory, int, status),
  TFE_Execute: fn(nothing, op, memory, memory, status),

  TF_NewGraph: fn(graph),
  TF_DeleteGraph: fn(nothing, graph),
  TF_GraphOperationByName: fn(operation, graph, text),
  TF_NewImportGraphDefOptions: fn(importOptions),
  TF_DeleteImportGraphDefOptions: fn(nothing, importOptions),
  TF_GraphImportGraphDef: fn(nothing, graph, buffer, importOptions, status),
  TF_GraphCopyFunction: fn(nothing, graph, functionPointer, nullable<FunctionPointer>(), status),
  TF_GraphToFunction: fn(
    functionPointer,
    graph,
    text,
    byte,
    int,
    nullable<Operation>(),
    int,
    memory,
    int,
    memory,
    nullable<Data>(),
    nullable<Data>(),
    nullable<Data>(),
    status,
  ),
  TF_DeleteFunction: fn(nothing, functionPointer),
  TFE_ContextAddFunction: fn(nothing, context, functionPointer, status),
  TFE_ContextRemoveFunction: fn(nothing, context, text, status),

  TF_NewSessionOptions: fn(sessionOptions),
  TF_DeleteSessionOptions: fn(nothing, sessionOptions),
  TF_LoadSessionFromSavedModel: fn(
    session,
    sessionOptions,
    nullable<Buffer>(),
    text,
    texts,
    int,
    graph,
    nullable<Buffer>(),
    status,
  ),
  TF_SessionRun: fn(
    nothing,
    session,
    nullable<Buffer>(),
    memory,
    memory,
    int,
    memory,
    memory,
    int,
    nullable<Operation>(),
    int,
    nullable<Buffer>(),
    status,
  ),
  TF_DeleteSession: fn(nothing, session, status),
}

type Functions = typeof functions
type Declared<D> = D extends Declaration<infer Args, infer Result> ? CFunction<Args, Returned<Result>> : never

/** TensorFlow's C API, and `memcpy` to access the memory behind its pointers. */
export type CApi = { readonly [Name in keyof Functions]: Declared<Functions[Name]> }

const SUFFIX = process.platform === 'darwin' ? '.2.dylib' : '.so.2'

/**
 * Loads TensorFlow's two libraries from `directory`; they stay loaded until the process ends. Quiet unless TF_CPP_MIN_LOG_LEVEL is 0.
 * Throws an Error of one line if a file is missing, cannot be loaded or lacks a function.
 */
export function openLibrary(directory: string): CApi {
  // TensorFlow reads this once, while it is loaded. Level 2 prints errors only.
  const level = process.env.TF_CPP_MIN_LOG_LEVEL ?? '2'
  setEnvironment('TF_CPP_MIN_LOG_LEVEL', level)
  const open = () => loadBoth(directory)
  const { library, path } = level === '0' ? open() : withoutStderr(open)
  return bindAll(library, path)
}

/** Loads a library that TensorFlow later opens by its name. Throws an Error of one line if that fails. */
export function preload(path: string): void {
  if (!existsSync(path)) throw new Error(`${path} does not exist`)
  const failure = openForever(path)
  if (failure !== undefined) throw new Error(`${path} cannot be loaded: ${failure}`)
}

/** Makes GPUs multiply with the full float32 mantissa (no TF32). The C API has no function for this; TensorFlow's Python calls this one. */
export function setFullFloat32(directory: string): void {
  const path = join(directory, `libtensorflow_framework${SUFFIX}`)
  const enableTensorFloat32 = koffi.load(path).func('_ZN3tsl32enable_tensor_float_32_executionEb', 'void', ['bool'])
  enableTensorFloat32(false)
}

/** Returns what C returned; throws an Error if that is NULL. `what` begins the message. */
export function required<T>(returned: T | null, what: string): T {
  if (returned === null) throw new Error(`${what}: TensorFlow returned nothing; is there too little memory?`)
  return returned
}

/**
 * koffi calls C functions on stacks of its own: 128 KiB on worker threads unless told otherwise. XLA compiles on the thread that runs the
 * step, by recursion over the program, and NVIDIA's libraries start there: with less than this they overwrite other memory or crash.
 * A stack is virtual memory until it is used.
 */
const STACK_BYTES = 8 * 2 ** 20
koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES })

/** koffi accepts 256 calls at once, and libuv has fewer threads than this: further calls wait here. */
const MOST_CALLS = 64
let calls = 0
const waiting: (() => void)[] = []

/** Runs a C function on a worker thread; its typed arrays must stay untouched until it is done. */
export function callAsync<Args extends unknown[], Result>(f: CFunction<Args, Result>, ...args: Args): Promise<Result> {
  return new Promise((resolve, reject) => {
    const start = () => {
      calls++
      f.async(...args, (error, result) => {
        calls--
        waiting.shift()?.()
        if (error === null) resolve(result)
        else reject(error)
      })
    }
    if (calls < MOST_CALLS) start()
    else waiting.push(start)
  })
}

/** Loads the framework library first, because the other one needs it; all functions are found through that other one. */
function loadBoth(directory: string): { library: LibraryHandle; path: string } {
  load(join(directory, `libtensorflow_framework${SUFFIX}`))
  const path = join(directory, `libtensorflow_cc${SUFFIX}`)
  return { library: load(path), path }
}

function load(path: string): LibraryHandle {
  if (!existsSync(path)) throw new Error(`TensorFlow is not installed: ${path} does not exist`)
  const failure = openForever(path)
  if (failure !== undefined) throw new Error(`TensorFlow cannot be loaded: ${path}: ${failure}`)
  return koffi.load(path, { global: true })
}

const RTLD_NOW = 2
const RTLD_GLOBAL = process.platform === 'darwin' ? 0x8 : 0x100

/**
 * Opens a library for the life of the process; returns why that failed, if it did. `koffi.load` would close it when Node exits, and
 * TensorFlow's threads would crash; and a worker thread that is terminated inside of it aborts the process.
 */
function openForever(path: string): string | undefined {
  const libc = koffi.load(null)
  const handle = libc.func('dlopen', 'void *', ['str', 'int'])(path, RTLD_NOW | RTLD_GLOBAL)
  return handle === null ? String(libc.func('dlerror', 'str', [])()) : undefined
}

function bindAll(library: LibraryHandle, path: string): CApi {
  const entries = Object.entries(functions).map(([name, declaration]) => [name, bind(library, path, name, declaration)])
  return Object.fromEntries(entries) as CApi
}

function bind(library: LibraryHandle, path: string, name: string, declaration: Signature): unknown {
  try {
    return library.func(
      name,
      declaration.result.c,
      declaration.parameters.map(type => type.c),
    )
  } catch (error) {
    throw new Error(`TensorFlow is incompatible with this program: ${path}: ${name}: ${reason(error)}`)
  }
}

function reason(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
}
