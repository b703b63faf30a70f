import { defineConfig } from 'vitest/config'
import { withSoftwareVulkan } from './software-vulkan.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/temporary-folder.ts'],
    reporters: ['default', './test/skip-reasons.ts'],
    // Each file is a process of its own: TF.js keeps one global engine, and native code must not be loaded into threads.
    pool: 'forks',
    env: withSoftwareVulkan(),
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
