/** The state that an undo goes back to. */
import type { EngineContext } from "../engine-contract.js";
import { type OpenStep, together } from "../execute/resume.js";
import { OrchError } from "../model/failure.js";
import { type EarlierState, earlierState } from "../plan/undo.js";
import type { Snapshot } from "../state/contract.js";
import { beginRun, runStart } from "./runs.js";

/** What the stack was before a run. Everything of the time since must have ended, one way or the other. */
export async function earlierOf(
  context: EngineContext,
  snapshot: Snapshot,
  open: readonly OpenStep[],
  before: number,
): Promise<EarlierState> {
  const { store } = context;
  const [first] = open;
  if (first)
    throw new OrchError(
      together(
        open.map(({ failure }) => failure),
        first.failure,
      ),
    );
  // Killed between two steps, a run left nothing open but itself: whoever is alone with the stack next ends it.
  if ((await store.runs()).some(({ outcome }) => outcome === undefined))
    await (await beginRun(context, runStart("resume"), "stack", { wait: false })).finish("succeeded");
  return earlierState(store, snapshot, before);
}
