// Whether this machine can run native TensorFlow.
import { readFileSync } from 'node:fs'
import { platforms, type Reason, tensorflowVersion, thisPlatform, wheelFor } from './wheels.js'

/** The properties of a machine that decide whether it can run the library. */
export interface Host {
  /** `process.platform`-`process.arch`. */
  readonly platform: string
  /** glibc's version; undefined with another C library. */
  readonly glibc: string | undefined
  /** As Linux names them; empty if unknown. */
  readonly cpuFlags: readonly string[]
}

/** Oldest glibc that the Linux wheels run on, as their platform tags say: 2.27. */
const oldestGlibc = 27

/** Why this machine cannot run any libtensorflow that elbo knows; undefined if it can. */
export function unsupportedReason(host: Host = thisHost()): Reason | undefined {
  if (!wheelFor(host.platform)) return noWheel(host.platform)
  if (host.platform.startsWith('linux-')) return unsupportedLibc(host.glibc) ?? unsupportedCpu(host)
  return undefined
}

function noWheel(platform: string): Reason {
  const fixes: Record<string, string> = {
    'win32-x64': 'on Windows use WSL',
    'darwin-x64': 'on Apple silicon use an arm64 build of Node',
  }
  const known = platforms.map(row => row.platform).join(', ')
  return {
    reason: `no TensorFlow ${tensorflowVersion} library for ${platform}`,
    fix: fixes[platform] ?? `use one of ${known}, or build libtensorflow and set LIBTENSORFLOW_DIR`,
  }
}

function unsupportedLibc(glibc: string | undefined): Reason | undefined {
  const oldest = `2.${oldestGlibc}`
  const fix = `use a system with glibc ${oldest} or newer, such as Debian or Ubuntu (as a container: node:22-bookworm-slim)`
  if (glibc === undefined)
    return { reason: 'TensorFlow needs glibc, and this system has another C library (musl)', fix }
  const [major = 0, minor = 0] = glibc.split('.').map(Number)
  const isOld = major < 2 || (major === 2 && minor < oldestGlibc)
  return isOld ? { reason: `TensorFlow needs glibc ${oldest}, and this system has ${glibc}`, fix } : undefined
}

function unsupportedCpu({ platform, cpuFlags }: Host): Reason | undefined {
  if (platform !== 'linux-x64' || cpuFlags.length === 0 || cpuFlags.includes('avx')) return undefined
  return {
    reason: 'TensorFlow needs a CPU with AVX, and this one lacks it',
    fix: "use another machine or, in a virtual machine, pass the host's CPU through",
  }
}

/**
 * Why matrix products in bfloat16 are slower than in float32 on the CPU of this machine; undefined if they are faster: on x86 processors
 * with instructions for them.
 */
export function bfloat16Problem({ platform, cpuFlags }: Host = thisHost()): string | undefined {
  if (!platform.endsWith('-x64'))
    return `products in bfloat16 are known to be faster on x86 processors only, and this is ${platform}`
  if (cpuFlags.includes('amx_bf16') || cpuFlags.includes('avx512_bf16')) return undefined
  return 'this processor has neither amx_bf16 nor avx512_bf16, and without them products in bfloat16 are slower than in float32'
}

function thisHost(): Host {
  const cpuInfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  return {
    platform: thisPlatform(),
    glibc: process.platform === 'linux' ? glibcVersion() : undefined,
    cpuFlags: /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [],
  }
}

function glibcVersion(): string | undefined {
  // Without this, the report resolves the host names of all open connections.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return report.header.glibcVersionRuntime
}
