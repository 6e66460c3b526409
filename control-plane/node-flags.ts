// How a replica's Node.js is set for memory, measured with 1,000 nodes renewing: V8's own limits took 316 to 376 MiB, these
// take 190. A smaller young generation saves 14 MiB more, and costs a third of the renewals a second. `npm run
// control-plane` repeats them in package.json.
export const planeFlags = ['--max-semi-space-size=16', '--max-old-space-size=384']
