import { openPostgresBackend } from "@orch/core/state/postgres";
import { afterAll, beforeAll } from "vitest";
import { backendConformance } from "../conformance/backend.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

describeLab("PostgreSQL backend", ["postgres"], () => {
  let server: LabPostgres;
  let database: string;
  let schemas = 0;
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
  });
  afterAll(async () => {
    await server?.remove();
  });

  backendConformance("PostgreSQL", {
    module: `import { openPostgresBackend as open } from "@orch/core/state/postgres";`,
    ownClock: true,
    async make() {
      const schema = `State ${++schemas}`;
      const url = `${server.url(database)}?schema=${encodeURIComponent(schema)}`;
      return {
        argument: url,
        open: () => openPostgresBackend(url),
        async storedBytes() {
          const tables = await server.sql(
            `select quote_ident(table_name) from information_schema.tables where table_schema = '${schema}' order by 1`,
            database,
          );
          let all = "";
          for (const table of tables.split("\n").filter(Boolean)) {
            all += await server.sql(`select * from "${schema}".${table} as t order by t::text`, database);
          }
          return Buffer.from(all);
        },
        async makeNewer() {
          await server.sql(`insert into "${schema}".schema_version values (999, 0, '99.1.0')`, database);
        },
        dispose: async () => {
          await server.sql(
            `set client_min_messages to warning; drop schema if exists "${schema}" cascade`,
            database,
          );
        },
      };
    },
  });
});
