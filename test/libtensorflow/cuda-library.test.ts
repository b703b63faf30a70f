import { expect, test } from 'vitest'
import { withFlags } from '../../src/libtensorflow/cuda-library.js'

const GRAPHS =
  '--xla_gpu_enable_command_buffer=FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL,DYNAMIC_SLICE_FUSION'

test.each<[given: string | undefined, expected: string]>([
  [undefined, `--xla_gpu_cuda_data_dir=/nvcc ${GRAPHS}`],
  [' ', `--xla_gpu_cuda_data_dir=/nvcc ${GRAPHS}`],
  ['--xla_dump_to=/tmp/x', `--xla_dump_to=/tmp/x --xla_gpu_cuda_data_dir=/nvcc ${GRAPHS}`],
  ['--xla_gpu_enable_command_buffer=', '--xla_gpu_enable_command_buffer= --xla_gpu_cuda_data_dir=/nvcc'],
  ['--xla_gpu_cuda_data_dir=/my/cuda', `--xla_gpu_cuda_data_dir=/my/cuda ${GRAPHS}`],
])("XLA's flags keep what the user has set: %s", (given, expected) => {
  expect(withFlags(given, '/nvcc')).toBe(expected)
})
