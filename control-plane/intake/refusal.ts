// What we will not do, as a value: a code for machines, a status for HTTP and a sentence for people.
// Pure. A refusal is never thrown here; the doors (routes, scripts) decide how to say it.

/** Every refusal's code and the HTTP status that goes with it. */
export const refusalStatus = {
  'unknown-service': 404,
  'unknown-node': 404,
  'unknown-group': 404,
  'unknown-rule': 404,
  'unknown-member': 404,
  'unknown-command': 404,
  'unknown-token': 404,
  'unknown-subject': 404,
  'unknown-round': 404,
  'unknown-cluster': 404,
  'unknown-device': 404,
  'not-of-this-node': 403,
  'node-not-answering': 403,
  'already-exists': 409,
  'already-there': 409,
  'service-in-error': 409,
  'service-ignored': 409,
  'not-started': 409,
  'group-in-use': 409,
  'grants-open': 409,
  'node-renews': 409,
  'node-not-online': 409,
  'node-not-usable': 409,
  'before-deadline': 409,
  'nothing-to-confirm': 409,
  disarmed: 409,
  'already-disarmed': 409,
  'not-disarmed': 409,
  'cannot-drill': 409,
  'drill-running': 409,
  'would-strand': 409,
  'hands-off': 409,
  'would-lose-quorum': 409,
  'no-possible-node': 409,
  'forbidden-by-group': 409,
  'forbidden-by-rule': 409,
  'infeasible-rules': 409,
  'last-member': 409,
  'own-token': 409,
  'device-unreachable': 409,
  'identity-unknown': 409,
  'other-machine': 409,
  'cannot-be-adopted': 409,
  'version-conflict': 412,
  'timing-unsound': 422,
  'name-mismatch': 422,
  'in-the-past': 422,
  invalid: 422,
  'jobs-unavailable': 503,
} as const

export type RefusalCode = keyof typeof refusalStatus
export type FieldError = { field: string; message: string }
export type Refusal = {
  refused: true
  code: RefusalCode
  status: (typeof refusalStatus)[RefusalCode]
  sentence: string
  errors?: FieldError[]
}

/** Makes a refusal; its HTTP status follows from the code. */
export function refuse(code: RefusalCode, sentence: string, errors?: FieldError[]): Refusal {
  return { refused: true, code, status: refusalStatus[code], sentence, ...(errors && { errors }) }
}

/** Tells a refusal from what would have been accepted. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
}
