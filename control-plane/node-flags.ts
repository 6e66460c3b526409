// How a replica's Node.js is set for memory: measured with 1,000 nodes renewing, V8's own defaults cost 235 to 270 MiB before
// the first node, these 188 MiB in all. `npm run control-plane` repeats them in package.json.
export const planeFlags = ['--max-semi-space-size=2', '--max-old-space-size=384']
