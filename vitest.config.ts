import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    // Training tests start worker threads of their own; on two cores more test processes only slow them down.
    maxWorkers: 2,
  },
})
