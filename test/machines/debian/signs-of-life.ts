// What is heard of one service outside the machines, in the order in which it was heard: from which machine, in which of its boots.
export type Life = { node: string; boot: number; firstMs: number; lastMs: number }

export class SignsOfLife {
  readonly #lives = new Map<string, Life[]>()

  hear(service: string, node: string, boot: number, atMs: number): void {
    const lives = this.of(service)
    const last = lives.at(-1)
    // A sign from elsewhere ends the life before: two copies at once show as many short lives.
    if (last?.node === node && last.boot === boot) last.lastMs = atMs
    else lives.push({ node, boot, firstMs: atMs, lastMs: atMs })
    this.#lives.set(service, lives)
  }

  of(service: string): Life[] {
    return this.#lives.get(service) ?? []
  }
}
