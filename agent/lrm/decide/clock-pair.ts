// What a decision of a virtual machine is told of clocks that go on while the machine is frozen.

/** A clock of the hypervisor, as the loop read it for this decision. */
export type OutsideReading = { name: string; stepMs: number; outsideMs: number }

/** The plane's time in an answer, the furthest ahead of boottime so far, and between which moments of boottime it was read. */
export type ServerPair = { sentMs: number; receivedMs: number; serverMs: number }
