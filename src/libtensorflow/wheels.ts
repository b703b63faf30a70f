// The builds of native TensorFlow that elbo uses: one pinned Python wheel per platform.

/** A Python wheel, and the files used from it: one build of libtensorflow, or (with `root`) libraries that the CUDA build needs. */
export interface Wheel {
  /** `process.platform`-`process.arch`. */
  readonly platform: string
  readonly flavour: 'cpu' | 'cuda'
  /** Its name on the Python package index. */
  readonly package: string
  readonly version: string
  /** Its tag of Python versions, interfaces and platforms: the end of its file name. */
  readonly tag: string
  /** Of the wheel, in hexadecimal. */
  readonly sha256: string
  /** Size of the wheel. */
  readonly bytes: number
  /** Size of the unpacked wheel. */
  readonly unpackedBytes: number
  /** Paths in the library's folder, in the order in which they have to be loaded. */
  readonly libraries: readonly string[]
  /** SHA-256 of these files, in hexadecimal, where elbo has seen them; for installations of versions that did not record digests. */
  readonly digests?: Readonly<Record<string, string>>
  /** Whether elbo has run with this wheel. */
  readonly tried: boolean
  /** Folder in the cache, if not named after version, flavour and platform. */
  readonly place?: string
  /** Folder of the wheel whose libraries and programs are used, if those are not TensorFlow's own. */
  readonly root?: string
}

/** Why something is not available, and how to fix that. */
export interface Reason {
  readonly reason: string
  readonly fix: string
}

/** TensorFlow's version, the same for every row. */
export const tensorflowVersion = '2.21.0'

/** The wheels for all versions of Python hold the same library. */
const python = 'cp311-cp311'

const linuxLibraries = ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2']
const macLibraries = ['libtensorflow_framework.2.dylib', 'libtensorflow_cc.2.dylib']

/** Every platform with a libtensorflow. Absent: Intel Macs (the last wheel is 2.16) and Windows (its wheel has no C API as a library). */
export const platforms: readonly Wheel[] = [
  {
    platform: 'linux-x64',
    flavour: 'cpu',
    package: 'tensorflow-cpu',
    version: tensorflowVersion,
    tag: `${python}-manylinux_2_27_x86_64`,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
    unpackedBytes: 1_272_020_530,
    libraries: linuxLibraries,
    digests: {
      'libtensorflow_framework.so.2': 'f060b323b26ef80add21b9df9428de3aeaf2843d772c5bb098745f7abff3709b',
      'libtensorflow_cc.so.2': '6505a4b9657e62100c6bdacb683957a395cb047725042945aaa50e40a71e429e',
    },
    tried: true,
  },
  {
    platform: 'linux-arm64',
    flavour: 'cpu',
    package: 'tensorflow',
    version: tensorflowVersion,
    tag: `${python}-manylinux_2_27_aarch64`,
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    bytes: 281_828_020,
    unpackedBytes: 1_325_458_473,
    libraries: linuxLibraries,
    tried: false,
  },
  {
    platform: 'darwin-arm64',
    flavour: 'cpu',
    package: 'tensorflow',
    version: tensorflowVersion,
    tag: `${python}-macosx_12_0_arm64`,
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    bytes: 223_405_849,
    unpackedBytes: 1_132_843_372,
    libraries: macLibraries,
    tried: false,
  },
]

export const thisPlatform = (): string => `${process.platform}-${process.arch}`

/** The wheel for a platform; undefined if there is none. */
export function wheelFor(platform = thisPlatform()): Wheel | undefined {
  return platforms.find(row => row.platform === platform)
}

/** The file name of a wheel on a package index. */
export const wheelFile = ({ package: name, version, tag }: Wheel): string =>
  `${name.replaceAll('-', '_')}-${version}-${tag}.whl`
