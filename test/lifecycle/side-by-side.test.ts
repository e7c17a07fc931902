import { join } from "node:path";
import { openSqliteBackend } from "@orch/core/state/index";
import { sideBySide } from "./side-by-side.js";

// Runs that wait look again soon: the tests have no time to lose.
const leaseTiming = { renewMs: 5_000, ttlMs: 30_000, pollMs: 5 };
sideBySide("on SQLite", (dir) => openSqliteBackend(join(dir, "state.db"), { leaseTiming }));
