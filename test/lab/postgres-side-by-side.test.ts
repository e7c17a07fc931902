import { openPostgresBackend } from "@orch/core/state/postgres";
import { afterAll, beforeAll } from "vitest";
import { sideBySide } from "../lifecycle/side-by-side.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

describeLab("two runs on one stack", ["postgres"], () => {
  let server: LabPostgres;
  let database: string;
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
  });
  afterAll(async () => {
    await server?.remove();
  });
  // A schema per folder: each stack of the suite has a state of its own.
  sideBySide("on PostgreSQL", (dir) =>
    openPostgresBackend(`${server.url(database)}?schema=${encodeURIComponent(dir)}`, {
      leaseTiming: { renewMs: 5_000, ttlMs: 30_000, pollMs: 5 },
    }),
  );
});
