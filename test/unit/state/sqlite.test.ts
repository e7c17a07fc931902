import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteBackend } from "@orch/core/state/sqlite";
import { backendConformance } from "../../conformance/backend.js";

backendConformance("SQLite", {
  module: `import { openSqliteBackend as open } from "@orch/core/state/sqlite";`,
  async make() {
    const folder = await mkdtemp(join(tmpdir(), "orch-sqlite-"));
    const path = join(folder, "state", "state.db");
    return {
      argument: path,
      open: () => openSqliteBackend(path),
      async storedBytes() {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        const files = entries
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name));
        return Buffer.concat(await Promise.all(files.sort().map((file) => readFile(file))));
      },
      async makeNewer() {
        const database = new DatabaseSync(path);
        database.exec("insert into schema_version values (999, 0, '99.1.0')");
        database.close();
      },
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
});
