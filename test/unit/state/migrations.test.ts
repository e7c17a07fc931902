/**
 * Databases as released versions made them, with a stack in them, are brought to the newest schema without losing anything. A
 * version's files in test/fixtures/state are never changed; a new version gets new ones.
 */
import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openPostgresBackend } from "@orch/core/state/postgres";
import { schemaVersion } from "@orch/core/state/sql/migrations";
import { openSqliteBackend } from "@orch/core/state/sqlite";
import { applicationId } from "@orch/core/state/sqlite/file";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { project, stack } from "../../conformance/backend-fixtures.js";
import { type LabPostgres, startPostgres } from "../../lab/postgres.js";
import { describeLab } from "../../lab/requirements.js";
import { expectWhole } from "./released.js";

const fixtures = new URL("../../fixtures/state/", import.meta.url);
const files = readdirSync(fixtures);
const released = (database: string) =>
  files
    .map((name) => ({ name, version: Number(new RegExp(`^${database}-(\\d+)\\.sql$`).exec(name)?.[1]) }))
    .filter(({ version }) => version > 0)
    .sort((a, b) => a.version - b.version)
    .map(({ name, version }) => ({ version, file: new URL(name, fixtures) }));

test.each(["sqlite", "postgres"])(
  "every version of %s but the newest, which may not be released, is here",
  (name) => {
    const versions = released(name).map(({ version }) => version);
    expect(versions).toEqual(
      expect.arrayContaining(Array.from({ length: schemaVersion - 1 }, (_, i) => i + 1)),
    );
  },
);

describe("SQLite", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "orch-migrate-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** Tables with their columns and keys, however they came about. */
  function shapeOf(path: string): unknown {
    const database = new DatabaseSync(path);
    const tables = database
      .prepare("select name from sqlite_schema where type = 'table' order by name")
      .all() as { name: string }[];
    const shape = tables.map(({ name }) => [
      name,
      database
        .prepare(
          `select name, type, "notnull", dflt_value, pk from pragma_table_info('${name}') order by name`,
        )
        .all(),
      database.prepare(`select name, "unique", origin from pragma_index_list('${name}') order by name`).all(),
    ]);
    database.close();
    return shape;
  }

  test.each(released("sqlite"))("of version $version", async ({ file }) => {
    const path = join(dir, "old.db");
    const database = new DatabaseSync(path);
    database.exec(`pragma application_id = ${applicationId}; ${await readFile(file, "utf8")}`);
    database.close();
    const backend = await openSqliteBackend(path);
    await expectWhole(backend);
    await backend.close();
    const fresh = await openSqliteBackend(join(dir, "new.db"));
    await fresh.createStack(project, stack);
    await fresh.close();
    expect(shapeOf(path)).toEqual(shapeOf(join(dir, "new.db")));
  });
});

describeLab("PostgreSQL", ["postgres"], () => {
  let server: LabPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.remove();
  });
  const shapeOf = (database: string) =>
    server.sql(
      "select table_name, column_name, data_type, is_nullable, collation_name, is_identity from information_schema.columns where table_schema = 'orch' order by 1, 2",
      database,
    );

  test.each(released("postgres"))("of version $version", async ({ file }) => {
    const [old, made] = [await server.createDatabase(), await server.createDatabase()];
    await server.sql(await readFile(file, "utf8"), old);
    const backend = await openPostgresBackend(server.url(old));
    await expectWhole(backend);
    await backend.close();
    const fresh = await openPostgresBackend(server.url(made));
    await fresh.createStack(project, stack);
    await fresh.close();
    expect(await shapeOf(old)).toBe(await shapeOf(made));
  });

  test("several processes that open an old one at the same time bring it there once", async () => {
    const database = await server.createDatabase();
    await server.sql(await readFile(released("postgres")[0]?.file as URL, "utf8"), database);
    const backends = await Promise.all([1, 2, 3, 4].map(() => openPostgresBackend(server.url(database))));
    expect(await Promise.all(backends.map(async (backend) => (await backend.listStacks()).length))).toEqual([
      1, 1, 1, 1,
    ]);
    for (const backend of backends) await backend.close();
    expect(await server.sql("select version from orch.schema_version order by 1", database)).toBe(
      Array.from({ length: schemaVersion }, (_, i) => i + 1).join("\n"),
    );
  });
});
