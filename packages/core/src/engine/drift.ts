/** What changed outside orch. */
import { groupDrift } from "../drift/groups.js";
import { applyIgnoreRules } from "../drift/ignore.js";
import { findUnmanaged } from "../drift/unmanaged.js";
import type { DriftOptions, DriftReport, EngineContext } from "../engine-contract.js";
import { OrchError } from "../model/failure.js";
import type { ResourceState } from "../model/resource.js";
import { together } from "../plan/plan.js";
import { isReadable, readAll } from "../plan/refresh.js";
import { Selection } from "../plan/selection.js";
import { guarded } from "./boundary.js";
import { defaultParallel, registryOf } from "./providers.js";

/**
 * Reads everything that the state holds and tells what differs, by the project's rules. Writes nothing. An interruption ends it early: the
 * report tells what was read until then.
 */
export async function drift(
  context: EngineContext,
  { unmanaged = true, now = Date.now(), selection: wanted }: DriftOptions = {},
): Promise<DriftReport> {
  return guarded("drift", context, async () => {
    const { project, store, events } = context;
    events({ type: "run-started", run: "drift", at: Date.now() });
    const snapshot = await store.snapshot();
    const registry = registryOf(context);
    const options = {
      parallel: context.parallel ?? defaultParallel,
      ...(context.signal ? { signal: context.signal } : {}),
    };
    const rules = project.settings.drift ?? { ignore: [], unmanaged: [] };
    const selection = wanted && new Selection(wanted, snapshot.resources);
    const missed = selection?.missed() ?? [];
    if (missed.length > 0) throw new OrchError(together(missed, "read"));
    const read = (row: ResourceState): boolean => selection === undefined || selection.has(row.urn);
    const [reading, search] = await Promise.all([
      readAll(snapshot, registry, { ...options, events }, read),
      findUnmanaged({
        rules: unmanaged && selection === undefined ? rules.unmanaged : [],
        rows: snapshot.resources,
        registry,
        ...options,
      }),
    ]);
    const { drift: kept, ignored, expired, unused } = applyIgnoreRules(reading.drift, rules.ignore, now);
    const rows = new Map(
      snapshot.resources.filter((row) => isReadable(row) && read(row)).map((row) => [row.urn, row]),
    );
    return {
      project: store.info.project,
      stack: store.info.stack,
      at: now,
      checked: rows.size,
      unread: rows.size - reading.observations.length - reading.failures.length,
      drift: kept,
      groups: groupDrift(kept, (urn) => rows.get(urn)),
      ignored,
      rules: { expired, unused },
      unmanaged: search.found,
      failures: [...reading.failures, ...search.failures],
    };
  });
}
