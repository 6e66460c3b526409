// The status page as HTML text: what is there, where it runs, what it waits for and why. Pure: a status in, text out.
// Everything that comes from outside passes `html`, which escapes it. No script is needed to read it.
import { html } from 'hono/html'
import type { EventBody, Status } from '../../shared/operator-api.ts'

type Html = ReturnType<typeof html>

export type PageData = {
  status: Status
  events: EventBody[]
  clusters: string[]
  who: string
}

/** The whole page. `refreshS`: how often a browser without scripts asks again. */
export function statusPage(data: PageData, refreshS: number): Html {
  const { name } = data.status.cluster
  return shell(
    `${name} · Holdfast`,
    html`<header>
<h1>${name}</h1>
<nav>${data.clusters.length > 1 ? data.clusters.map((other) => html`<a href="/?cluster=${other}">${other}</a> `) : ''}<a href="/docs">API</a>
<form method="post" action="/sign-out"><button>sign out ${data.who}</button></form></nav>
</header>
<main id="status" data-cluster="${name}">${statusFragment(data)}</main>
<script src="/status.js" defer></script>`,
    html`<noscript><meta http-equiv="refresh" content="${refreshS}"></noscript>`,
  )
}

/** What changes: the part that is fetched again after every event. */
export function statusFragment({ status, events }: PageData): Html {
  return html`${summary(status)}${ignoredRules(status)}${nodes(status)}${services(status)}${nMinusOne(status)}${jobs(status)}${changes(events)}`
}

/** Asks for a token. `failed`: the last one was not valid. */
export function signInPage(failed: boolean): Html {
  return shell(
    'Sign in · Holdfast',
    html`<main class="sign-in"><h1>Holdfast</h1>
${failed ? html`<p class="bad" role="alert">This token is unknown, expired or revoked.</p>` : ''}
<form method="post" action="/sign-in">
<label for="token">Operator token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button></form>
<p><code>npm start</code> prints one at its first start; <code>ha-manager token create</code> makes more.</p></main>`,
  )
}

/** A sentence instead of a page. */
export function messagePage(title: string, sentence: string): Html {
  return shell(
    title,
    html`<main class="sign-in"><h1>${title}</h1><p>${sentence}</p><p><a href="/">back</a></p></main>`,
  )
}

function shell(title: string, body: Html, head: Html | string = ''): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><link rel="stylesheet" href="/status.css">${head}</head>
<body>${body}</body></html>`
}

function summary({ quorum, crm, fencing, profile, replicas, cluster }: Status): Html {
  const ago =
    crm.lastRoundMsAgo === null ? 'no round yet' : `last round ${seconds(crm.lastRoundMsAgo)} ago`
  return html`<dl class="summary">
<div><dt>Quorum</dt><dd class="${quorum.quorate ? 'good' : 'bad'}">${quorum.quorate ? 'OK' : 'no quorum'}</dd><dd>${quorum.reporting} of ${quorum.nodes} nodes report · policy ${quorum.policy}</dd></div>
<div><dt>CRM</dt><dd>${crm.replica ?? 'none yet'}</dd><dd>round ${crm.round} · ${ago}</dd></div>
<div><dt>Fencing</dt><dd class="${fencingClass(fencing.state)}">${fencing.state}</dd><dd>${[fencing.mode ? `mode ${fencing.mode}` : '', fencing.waitsFor].filter(Boolean).join(' · ')}</dd></div>
<div><dt>Timing</dt><dd>${profile}</dd><dd>plane epoch ${crm.planeEpoch}${cluster.development ? ' · development cluster' : ''}</dd></div>
<div><dt>Replicas</dt><dd>${replicas.length}</dd><dd>${replicas.map(({ name }) => name).join(', ')}</dd></div>
</dl>${crm.quarantine ? html`<p class="bad" role="alert">${crm.quarantine}</p>` : ''}`
}

function ignoredRules({ ignoredRules }: Status): Html[] {
  return ignoredRules.map(
    ({ rule, message }) => html`<p class="bad" role="alert">${rule} is ignored: ${message}</p>`,
  )
}

function nodes({ nodes }: Status): Html {
  return html`<h2>Nodes</h2>${
    nodes.length === 0
      ? html`<p>No node has joined yet.</p>`
      : html`<table><thead><tr><th>Node</th><th>State</th><th>Lease</th><th>Watchdog</th><th>Mode</th><th>Services</th><th>Waits for</th></tr></thead><tbody>
${nodes.map(
  (
    node,
  ) => html`<tr><th scope="row">${node.name}</th><td class="${nodeClass(node.state)}">${node.state}${node.maintenanceRequested && node.state !== 'maintenance' ? ' (maintenance asked)' : ''}</td><td>${lease(node.leaseRemainingMs)}</td><td>${node.watchdog.class}, ${seconds(node.watchdog.effectiveMs)}, ${node.watchdog.armed ? 'armed' : 'not armed'}</td><td>${node.mode}</td><td>${node.services}</td><td>${node.note}</td></tr>
`,
)}</tbody></table>`
  }`
}

function services({ services }: Status): Html {
  return html`<h2>Services</h2>${
    services.length === 0
      ? html`<p>No service is managed yet.</p>`
      : html`<table><thead><tr><th>Service</th><th>State</th><th>Wanted</th><th>Node</th><th>Grant</th><th>Waits for</th></tr></thead><tbody>
${services.map(
  (
    one,
  ) => html`<tr><th scope="row">${one.sid}</th><td class="${serviceClass(one.state)}">${one.state}</td><td>${one.requested ?? 'removed'}</td><td>${one.node ?? '–'}${one.target ? ` → ${one.target}` : ''}</td><td>${one.generation ?? '–'}</td><td>${one.note}${one.failedNodes.length ? ` failed on ${one.failedNodes.join(', ')}` : ''}</td></tr>
`,
)}</tbody></table>`
  }`
}

function nMinusOne({ nMinusOne: { services, unprotected } }: Status): Html | string {
  if (services === 0) return ''
  return html`<h2>If one node died</h2>${
    unprotected.length === 0
      ? html`<p class="good">Whichever it is, each of ${services} services has another node.</p>`
      : html`<table><thead><tr><th>Node</th><th>Stranded</th><th>Why</th></tr></thead><tbody>
${unprotected.map(
  (
    row,
  ) => html`<tr><th scope="row">${row.node}</th><td class="bad">${row.services.length}: ${row.services.slice(0, 8).join(', ')}${row.services.length > 8 ? ', …' : ''}</td><td>${row.why}</td></tr>
`,
)}</tbody></table>`
  }`
}

function jobs({ jobs, schedules }: Status): Html | string {
  if (jobs.length + schedules.length === 0) return ''
  return html`<h2>Scheduled</h2><ul>${jobs.map(
    ({ job, about, startAfter }) => html`<li>${moment(startAfter)} ${job} ${about}</li>`,
  )}${schedules.map(({ job, cron }) => html`<li>${cron} (cron, UTC) ${job}</li>`)}</ul>`
}

function changes(events: EventBody[]): Html {
  return html`<h2>Last changes</h2>${
    events.length === 0
      ? html`<p>Nothing has changed yet.</p>`
      : html`<ol class="changes">${events.toReversed().map(
          ({ at, line }) => html`<li>${moment(at)} ${line}</li>
`,
        )}</ol>`
  }`
}

function lease(remainingMs: number | null): string {
  if (remainingMs === null) return 'none yet'
  return remainingMs > 0 ? `${seconds(remainingMs)} left` : `over for ${seconds(-remainingMs)}`
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}

function moment(at: string): Html {
  return html`<time datetime="${at}">${at.slice(0, 19).replace('T', ' ')}</time>`
}

function fencingClass(state: Status['fencing']['state']): string {
  if (state === 'disarmed') return 'bad'
  return state === 'disarming' ? 'busy' : 'good'
}

function nodeClass(state: string): string {
  if (state === 'online') return 'good'
  return state === 'maintenance' ? 'busy' : 'bad'
}

function serviceClass(state: string): string {
  if (state === 'started') return 'good'
  if (['error', 'fence', 'recovery'].includes(state)) return 'bad'
  return ['stopped', 'disabled', 'ignored'].includes(state) ? 'quiet' : 'busy'
}
