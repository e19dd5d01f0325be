// Runs `fedunify` with the arguments given, then prints the peak memory of its process. Started by training.mjs.

await import('../dist/cli/bin.js')
console.log(JSON.stringify({ memory: process.resourceUsage().maxRSS / 1024 }))
