// A signal to a process of the host that may be gone by now: whoever sends one looks again afterwards.
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  // 0 would be this process's own group: one of another pid namespace has no number here, and ends with its cgroup.
  if (pid <= 1) return
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already; if it may not be signalled, the next look finds it again and the stop fails in the end.
  }
}
