/** The database is no longer as a plan's view had it: throw the plan away, load and decide anew. */
export class StalePlan extends Error {
  override name = 'StalePlan'
}
