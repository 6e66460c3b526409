// Rules of each type, as they are asked for over HTTP.
export const sid = (name: string) => `process:${name}`

export const near = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  type: 'node-affinity',
  resources: [sid('a')],
  nodes: { n1: 2, n2: 1 },
  ...more,
})
export const apart = (id: string, resources: string[], affinity = 'negative') => ({
  id,
  type: 'resource-affinity',
  resources: resources.map(sid),
  affinity,
})
