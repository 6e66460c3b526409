// How recorded names are called here. Only services of type `fa`, which fail on demand, have no equal: they are `ocf:`
// services, which sort between containers and virtual machines as they do.

export function sidHere(recorded: string): string {
  return recorded.startsWith('fa:') ? `ocf:${recorded.slice(3)}` : recorded
}

export function sidThere(sid: string): string {
  return sid.startsWith('ocf:') ? `fa:${sid.slice(4)}` : sid
}
