// TF_DataType: the element types that TF.js and tfjs-node's kernels know (tensorflow/c/tf_datatype.h).

/** TensorFlow's numbers, under the names that tfjs-node's binding exports. */
export const DTYPES = {
  TF_FLOAT: 1,
  TF_INT32: 3,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_INT64: 9,
  TF_BOOL: 10,
  TF_RESOURCE: 20,
} as const

const BY_NAME: Readonly<Record<string, number>> = {
  float32: DTYPES.TF_FLOAT,
  int32: DTYPES.TF_INT32,
  uint8: DTYPES.TF_UINT8,
  string: DTYPES.TF_STRING,
  complex64: DTYPES.TF_COMPLEX64,
  int64: DTYPES.TF_INT64,
  bool: DTYPES.TF_BOOL,
}

/** TensorFlow's number of an element type, given as that number or as TF.js's name; throws an Error on an unknown name. */
export function dtypeNumber(dtype: number | string): number {
  const number = typeof dtype === 'number' ? dtype : BY_NAME[dtype]
  if (number === undefined) throw new Error(`unknown dtype "${dtype}": one of ${Object.keys(BY_NAME).join(', ')}`)
  return number
}

/** Types of compiled programs that TF.js lacks, by TensorFlow's number. */
const OTHERS: Readonly<Record<number, string>> = { 14: 'bfloat16', 23: 'uint64' }

/** An element type's TF.js name, for messages. */
export function dtypeName(dtype: number): string {
  const name = Object.entries(BY_NAME).find(([, number]) => number === dtype)?.[0]
  return name ?? OTHERS[dtype] ?? `TF_DataType ${dtype}`
}
