/** A stack's rows out of a SQL database as an archive, and back into one. */
import type { Selectable } from "kysely";
import { fail } from "../../model/failure.js";
import { renumbered, type StackArchive } from "../archive/format.js";
import type { SqlDatabase } from "./database.js";
import { refuseLive } from "./live.js";
import type { Db, Tables } from "./tables.js";

type StackRow = Selectable<Tables["stacks"]>;

/** Everything that belongs to a stack but its lock. For a transaction, so that it is all from one time. */
export async function exportRows(db: Db, stack: StackRow): Promise<StackArchive> {
  const of = { stack_id: stack.id } as const;
  const runs = await db
    .selectFrom("runs")
    .selectAll()
    .where("stack_id", "=", of.stack_id)
    .orderBy("id")
    .execute();
  const journal = await db
    .selectFrom("journal")
    .innerJoin("runs", "runs.id", "journal.run_id")
    .selectAll("journal")
    .where("runs.stack_id", "=", of.stack_id)
    .orderBy("journal.id")
    .execute();
  const unfinished = await db
    .selectFrom("unfinished")
    .selectAll()
    .where("stack_id", "=", of.stack_id)
    .orderBy("run_id")
    .orderBy("step")
    .execute();
  const resources = await db
    .selectFrom("resources")
    .selectAll()
    .where("stack_id", "=", of.stack_id)
    .orderBy("ord")
    .orderBy("urn")
    .orderBy("deposed")
    .execute();
  const history = await db
    .selectFrom("resource_history")
    .selectAll()
    .where("stack_id", "=", of.stack_id)
    .orderBy("run_id")
    .orderBy("urn")
    .orderBy("deposed")
    .execute();
  return {
    project: stack.project,
    stack: stack.stack,
    lineage: stack.lineage,
    createdAt: stack.created_at,
    serial: stack.serial,
    outputs: JSON.parse(stack.outputs),
    key: stack.key ? JSON.parse(stack.key) : null,
    runs: runs.map((row) => ({
      id: row.id,
      kind: row.kind,
      planDigest: row.plan_digest,
      startedAt: row.started_at,
      who: row.who,
      endedAt: row.ended_at,
      outcome: row.outcome,
    })),
    journal: journal.map(({ run_id, kind, step, op, urn, deposed, at, result, message }) => ({
      ...{ run: run_id, kind, step, op, urn, deposed, at, result, message },
    })),
    unfinished: unfinished.map(({ run_id, step, op, urn, body }) => ({
      ...{ run: run_id, step, op, urn, body: JSON.parse(body) },
    })),
    resources: resources.map(({ urn, deposed, ord, body }) => ({
      urn,
      deposed,
      order: ord,
      body: JSON.parse(body),
    })),
    history: history.map(({ urn, deposed, run_id, at, body }) => ({
      ...{ urn, deposed, run: run_id, at, body: body === null ? null : JSON.parse(body) },
    })),
  };
}

/**
 * Makes the stack as the archive has it, or brings it there. Rejects with `stack-exists` when there is another stack of its name,
 * with `state-locked`, and with `conflict` when what is there is newer and `force` is not set.
 */
export async function importRows(
  database: SqlDatabase,
  db: Db,
  archive: StackArchive,
  force: boolean,
): Promise<void> {
  const { project, stack, lineage } = archive;
  const present = await db
    .selectFrom("stacks")
    .selectAll()
    .where((eb) =>
      eb.or([eb.and([eb("project", "=", project), eb("stack", "=", stack)]), eb("lineage", "=", lineage)]),
    )
    .execute();
  const foreign = present.find((row) => row.lineage !== lineage);
  const renamed = present.find((row) => row.project !== project || row.stack !== stack);
  if (foreign !== undefined || renamed !== undefined) failForeign(archive, foreign ?? (renamed as StackRow));
  const [old] = present;
  if (old !== undefined) {
    await refuseLive(db, old, "be written over");
    if (old.serial > archive.serial && !force) failOlder(archive, old.serial);
    await deleteRows(db, old.id);
  }
  const row = {
    ...{ project, stack, lineage, created_at: archive.createdAt },
    // Plans that were made against what is written over must not fit any more.
    serial: old === undefined || old.serial <= archive.serial ? archive.serial : old.serial + 1,
    outputs: JSON.stringify(archive.outputs),
    key: archive.key === null ? null : JSON.stringify(archive.key),
  };
  const { id } = await db
    .insertInto("stacks")
    .values(old === undefined ? row : { ...row, id: old.id })
    .returning("id")
    .executeTakeFirstOrThrow();
  await insertRows(database, db, id, archive);
}

/** Also those of its lock: nobody holds it. */
export async function deleteRows(db: Db, stackId: number): Promise<void> {
  await db
    .deleteFrom("journal")
    .where("run_id", "in", (eb) => eb.selectFrom("runs").select("id").where("stack_id", "=", stackId))
    .execute();
  for (const table of ["locks", "leases", "unfinished", "resource_history", "resources", "runs"] as const) {
    await db.deleteFrom(table).where("stack_id", "=", stackId).execute();
  }
  await db.deleteFrom("stacks").where("id", "=", stackId).execute();
}

async function insertRows(
  database: SqlDatabase,
  db: Db,
  stackId: number,
  given: StackArchive,
): Promise<void> {
  const archive = renumbered(given, await runNumbers(db, given));
  for (const rows of chunks(archive.runs)) {
    await db
      .insertInto("runs")
      .values(
        rows.map((row) => ({
          ...{ id: row.id, stack_id: stackId, kind: row.kind, plan_digest: row.planDigest },
          ...{ started_at: row.startedAt, who: row.who, ended_at: row.endedAt, outcome: row.outcome },
        })),
      )
      .execute();
  }
  await database.numbersGiven?.(db);
  for (const rows of chunks(archive.journal)) {
    await db
      .insertInto("journal")
      .values(rows.map(({ run, ...row }) => ({ ...row, run_id: run })))
      .execute();
  }
  for (const rows of chunks(archive.unfinished)) {
    await db
      .insertInto("unfinished")
      .values(
        rows.map(({ run, body, ...row }) => ({
          ...{ ...row, stack_id: stackId, run_id: run, body: JSON.stringify(body) },
        })),
      )
      .execute();
  }
  for (const rows of chunks(archive.resources)) {
    await db
      .insertInto("resources")
      .values(
        rows.map(({ urn, deposed, order, body }) => ({
          ...{ stack_id: stackId, urn, deposed, ord: order, body: JSON.stringify(body) },
        })),
      )
      .execute();
  }
  for (const rows of chunks(archive.history)) {
    await db
      .insertInto("resource_history")
      .values(
        rows.map(({ urn, deposed, run, at, body }) => ({
          ...{ stack_id: stackId, urn, deposed, run_id: run, at },
          body: body === null ? null : JSON.stringify(body),
        })),
      )
      .execute();
  }
}

/** Runs keep their numbers where no other stack's run has one of them; otherwise they get the next ones, in order. */
async function runNumbers(db: Db, { runs }: StackArchive): Promise<ReadonlyMap<number, number>> {
  const { newest } = await db
    .selectFrom("runs")
    .select((eb) => eb.fn.max("id").as("newest"))
    .executeTakeFirstOrThrow();
  const ids = runs.map(({ id }) => id);
  const taken = await db
    .selectFrom("runs")
    .select("id")
    .where("id", ">=", Math.min(...ids, Number.MAX_SAFE_INTEGER))
    .where("id", "<=", Math.max(...ids, 0))
    .execute();
  const others = new Set(taken.map(({ id }) => id));
  if (!ids.some((id) => others.has(id))) return new Map();
  return new Map(ids.map((id, i) => [id, Number(newest ?? 0) + i + 1]));
}

/** As many rows in a statement as every database takes parameters for. */
function* chunks<T>(rows: readonly T[], size = 500): Iterable<T[]> {
  for (let i = 0; i < rows.length; i += size) yield rows.slice(i, i + size);
}

const failForeign = ({ project, stack, lineage }: StackArchive, found: StackRow): never =>
  fail({
    reason: "stack-exists",
    message:
      found.lineage === lineage
        ? `The stack of lineage ${lineage} is there already, as ${found.project}/${found.stack}.`
        : `There is another stack ${project}/${stack}: one of the same name, but not the same one.`,
    expected: `no stack ${project}/${stack}, or that of lineage ${lineage}`,
    found: `lineage ${found.lineage}`,
    next: ["Nothing was written. Remove or rename what is there, if that is what you want: `orch stack rm`."],
  });

const failOlder = ({ project, stack, serial }: StackArchive, found: number): never =>
  fail({
    reason: "conflict",
    message: `What is to be written of ${project}/${stack} is older than what is there.`,
    expected: `serial ${found} or newer`,
    found: `serial ${serial}`,
    next: [
      "Nothing was written. With --force it is written over what is there, which is lost then: `orch state pull` keeps a copy first.",
    ],
  });
