// Keeps the status page fresh: an event from the plane, or two quiet seconds, fetch the changing part again.
// The page is complete without this file.
const main = document.getElementById('status')
const cluster = encodeURIComponent(main.dataset.cluster)
let asking = false
let again = false

async function refresh() {
  if (asking) {
    again = true
    return
  }
  asking = true
  try {
    const answer = await fetch(`/status/fragment?cluster=${cluster}`)
    if (answer.status === 401) location.reload()
    if (!answer.ok) throw new Error(String(answer.status))
    main.innerHTML = await answer.text()
    delete main.dataset.stale
  } catch {
    main.dataset.stale = 'true'
  }
  asking = false
  if (again) {
    again = false
    setTimeout(() => void refresh(), 100)
  }
}

new EventSource(`/status/events?cluster=${cluster}`).addEventListener('change', () => void refresh())
// Lease countdowns go on without events.
setInterval(() => {
  if (!document.hidden) void refresh()
}, 2000)
