// The CUDA build of TensorFlow: its wheels, their folders in the cache, and which are missing. Of the system it needs only the driver.
// The library's RUNPATH looks for NVIDIA's in $ORIGIN/../nvidia/NAME/lib, as pip lays them out: hence the folders tensorflow/ and nvidia/.

import { dirname, join } from 'node:path'
import { isWhole } from './integrity.js'
import { cachedLibrary } from './location.js'
import { type Host, unsupportedReason } from './machine.js'
import { type Reason, tensorflowVersion, thisPlatform, type Wheel, wheelFor } from './wheels.js'

const platform = 'linux-x64'
const folder = `${tensorflowVersion}-cuda-${platform}`

/** The library itself, built with CUDA 12.5.1 and cuDNN 9 for compute capability 6.0, 7.0, 8.0, 8.9 and 9.0; the driver compiles for newer ones. */
export const cudaWheel: Wheel = {
  platform,
  flavour: 'cuda',
  package: 'tensorflow',
  version: tensorflowVersion,
  tag: 'cp311-cp311-manylinux_2_27_x86_64',
  sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  bytes: 572_440_367,
  unpackedBytes: 1_872_386_629,
  libraries: ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'],
  tried: false,
  place: join(folder, 'tensorflow'),
}

/**
 * NVIDIA's libraries, each before those that need it. The versions are those of `pip install tensorflow[and-cuda]==2.21.0`: the newest that
 * the wheel's METADATA allows. They are pinned so that every machine runs the same code, and sizes are known before the download.
 */
export const nvidiaWheels: readonly Wheel[] = [
  nvidia(
    'cuda_runtime',
    '12.9.79',
    'manylinux2014_x86_64',
    3_493_179,
    9_619_472,
    ['libcudart.so.12'],
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  ),
  nvidia(
    'nvjitlink',
    '12.9.86',
    'manylinux2010_x86_64',
    39_748_338,
    96_014_630,
    ['libnvJitLink.so.12'],
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
  ),
  nvidia(
    'cuda_nvrtc',
    '12.9.86',
    'manylinux2010_x86_64',
    89_568_129,
    227_449_426,
    ['libnvrtc.so.12'],
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  ),
  nvidia(
    'cublas',
    '12.9.3.13',
    'manylinux_2_27_x86_64',
    581_217_458,
    855_724_311,
    ['libcublasLt.so.12', 'libcublas.so.12'],
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  ),
  nvidia(
    'cusparse',
    '12.5.10.65',
    'manylinux2014_x86_64',
    366_465_088,
    486_917_707,
    ['libcusparse.so.12'],
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  ),
  nvidia(
    'cusolver',
    '11.7.5.82',
    'manylinux_2_27_x86_64',
    338_117_415,
    495_296_462,
    ['libcusolver.so.11'],
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  ),
  nvidia(
    'cufft',
    '11.4.1.4',
    'manylinux2014_x86_64',
    200_877_592,
    293_721_862,
    ['libcufft.so.11'],
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
  ),
  nvidia(
    'curand',
    '10.3.10.19',
    'manylinux_2_27_x86_64',
    68_295_626,
    169_133_682,
    ['libcurand.so.10'],
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
  ),
  nvidia(
    'cudnn',
    '9.28.0.42',
    'manylinux_2_27_x86_64',
    716_538_495,
    1_163_618_106,
    ['libcudnn.so.9'],
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  ),
  nvidia(
    'nccl',
    '2.32.3',
    'manylinux_2_27_x86_64',
    351_526_311,
    490_610_413,
    ['libnccl.so.2'],
    'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
  ),
  nvidia(
    'cuda_cupti',
    '12.9.79',
    'manylinux_2_25_x86_64',
    10_814_997,
    44_603_912,
    ['libcupti.so.12'],
    '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
  ),
  nvidia(
    'cuda_nvcc',
    '12.9.86',
    'manylinux2010_x86_64',
    40_546_229,
    98_957_442,
    [],
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  ),
]

/** All wheels of the CUDA build. */
export const cudaWheels: readonly Wheel[] = [...nvidiaWheels, cudaWheel]

/** One of NVIDIA's wheels: `name` is that of the folder below nvidia/, `libraries` are those that TensorFlow opens by name. */
function nvidia(
  name: string,
  version: string,
  tag: string,
  bytes: number,
  unpackedBytes: number,
  libraries: readonly string[],
  sha256: string,
): Wheel {
  return {
    ...{ platform, flavour: 'cuda', package: `nvidia-${name.replaceAll('_', '-')}-cu12`, version },
    ...{ tag: `py3-none-${tag}`, sha256, bytes, unpackedBytes },
    ...{ libraries: libraries.map(library => join('lib', library)), tried: false },
    ...{ place: join(folder, 'nvidia', name), root: `nvidia/${name}/` },
  }
}

/** The folder of the whole build in the cache. */
export const cudaDirectory = () => dirname(cachedLibrary(cudaWheel))

/** Where XLA finds libdevice and ptxas. */
export const cudaDataDirectory = () => join(cudaDirectory(), 'nvidia', 'cuda_nvcc')

/** NVIDIA's libraries in the cache, in the order in which they can be loaded. */
export const nvidiaLibraries = () =>
  nvidiaWheels.flatMap(wheel => wheel.libraries.map(library => join(cachedLibrary(wheel), library)))

/** The wheels that are not in the cache, or incomplete there. */
export const missingWheels = () => cudaWheels.filter(wheel => !isWhole(wheel, cachedLibrary(wheel)))

/** Why there is no CUDA build for this machine, with or without a GPU; undefined if there is one. */
export function unsupportedCuda(host?: Host): Reason | undefined {
  const here = host?.platform ?? thisPlatform()
  if (here === platform) return unsupportedReason(host)
  return {
    reason: `there is no CUDA build of TensorFlow ${tensorflowVersion} for ${here}, only for ${platform}`,
    fix: wheelFor(here) ? 'use the backend tensorflow' : 'use another backend; on Windows use WSL',
  }
}
