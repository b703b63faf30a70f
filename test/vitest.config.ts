// How the tests run.
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { withSoftwareVulkan } from './support/software-vulkan.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-folder.ts'],
    reporters: ['default', './test/support/skip-reasons.ts'],
    // Each file is a process of its own: TF.js keeps one global engine, and native code must not be loaded into threads.
    pool: 'forks',
    // Much of a test is one thread that starts something; memory bounds how many may run beside each other.
    maxWorkers: Math.min(availableParallelism(), 4),
    // No test fetches the library: those that need it are skipped where it is missing.
    env: { ...withSoftwareVulkan(), ELBO_OFFLINE: '1' },
    // Ends what hangs. What is only slow, on a busy machine, has the time that it needs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
