// Lists of service ids in their order, each id once: what goes in goes into its place.
import type { Sid } from './view.ts'

/** Puts it into its place. */
export function put(list: Sid[], sid: Sid): void {
  if (list.length === 0 || list.at(-1)! < sid) list.push(sid)
  else list.splice(placeOf(list, sid), 0, sid)
}

/** Takes it out, where it is in it. */
export function take(list: Sid[], sid: Sid): void {
  const place = placeOf(list, sid)
  if (list[place] === sid) list.splice(place, 1)
}

/** How many of them come before `sid`. */
function placeOf(list: readonly Sid[], sid: Sid): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]! < sid) low = middle + 1
    else high = middle
  }
  return low
}
