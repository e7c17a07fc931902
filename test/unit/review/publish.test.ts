/** Sections find their place, also beside other runs that write to the same comment. */
import { describe, expect, test } from "vitest";
import { parseSections } from "../../../packages/cli/src/render/markdown/section.js";
import { publish } from "../../../packages/cli/src/review/publish.js";
import { statusOf } from "../../../packages/cli/src/review/status.js";
import { memoryClient, section } from "./kit.js";

const options = { key: "orch", settleMs: 0 };
const stacksIn = (bodies: readonly { body: string }[]): [string, number][] =>
  bodies.flatMap(({ body }) => parseSections(body)).map(({ info }) => [info.stack, info.at]);

describe("publish", () => {
  test("creates, updates in place, and leaves what is the same alone", async () => {
    const client = memoryClient();
    expect(await publish(client, [section("dev", 1)], options)).toMatchObject({
      action: "created",
      removed: 0,
    });
    expect(await publish(client, [section("prod", 2)], options)).toMatchObject({ action: "updated" });
    expect(stacksIn(client.comments)).toEqual([
      ["dev", 1],
      ["prod", 2],
    ]);
    expect(await publish(client, [section("dev", 3)], options)).toMatchObject({ action: "updated" });
    expect(await publish(client, [section("dev", 3)], options)).toMatchObject({ action: "unchanged" });
    expect(stacksIn(client.comments)).toEqual([
      ["dev", 3],
      ["prod", 2],
    ]);
    expect(client.comments).toHaveLength(1);
  });

  test("only: the sections of others go", async () => {
    const client = memoryClient();
    await publish(client, [section("dev", 1), section("prod", 1)], options);
    await publish(client, [section("dev", 2)], { ...options, only: true });
    expect(stacksIn(client.comments)).toEqual([["dev", 2]]);
  });

  test("another key is another comment; other comments are left alone", async () => {
    const client = memoryClient();
    await client.create("What about this?\n<!-- orch:comment orch -->\n");
    await client.create("> <!-- orch:comment orch -->");
    await publish(client, [section("dev", 1)], options);
    await publish(client, [section("dev", 1)], { ...options, key: "nightly" });
    expect(client.comments).toHaveLength(4);
    expect(client.comments[0]?.body).toContain("What about this?");
  });

  test("by id, also one that has no marker yet; one that is gone is made anew", async () => {
    const client = memoryClient();
    const { id } = await client.create("Here will be the plan.");
    const done = await publish(client, [section("dev", 1)], { ...options, id });
    expect(done).toMatchObject({ action: "updated", comments: [{ id }] });
    expect(client.comments).toHaveLength(1);
    expect(await publish(client, [section("dev", 1)], { ...options, key: "b", id: "99" })).toMatchObject({
      action: "created",
    });
  });

  test("duplicates of two first runs become one, with the sections of both", async () => {
    const client = memoryClient();
    const other = memoryClient();
    await publish(other, [section("prod", 1)], options);
    let raced = false;
    client.before = (verb) => {
      if (raced || verb !== "create") return;
      raced = true;
      // The other run was a moment quicker.
      client.comments.push({ ...(other.comments[0] as { id: string; body: string; url: string }), id: "0" });
    };
    const done = await publish(client, [section("dev", 1)], options);
    expect(done.removed).toBe(1);
    expect(client.comments).toHaveLength(1);
    expect(client.comments[0]?.id).toBe("0");
    expect(stacksIn(client.comments)).toEqual([
      ["dev", 1],
      ["prod", 1],
    ]);
  });

  test("a section that another run has overwritten is written again", async () => {
    const client = memoryClient();
    await publish(client, [section("prod", 1)], options);
    const stale = client.comments[0]?.body as string;
    let overwritten = 0;
    const update = client.update;
    client.update = async (id, body) => {
      const made = await update(id, body);
      // Written a moment later, from what it read before.
      if (overwritten++ === 0) await update(id, stale);
      return made;
    };
    await publish(client, [section("dev", 2)], options);
    expect(overwritten).toBe(2);
    expect(stacksIn(client.comments)).toEqual([
      ["dev", 2],
      ["prod", 1],
    ]);
  });

  test("gives up when that does not end", async () => {
    const client = memoryClient();
    await publish(client, [section("prod", 1)], options);
    const stale = client.comments[0]?.body as string;
    const update = client.update;
    client.update = async (id) => update(id, stale);
    await expect(publish(client, [section("dev", 2)], options)).rejects.toMatchObject({
      failure: { reason: "conflict" },
    });
  });

  test("a status per stack, in one line", () => {
    expect(statusOf(section("dev", 1), "https://ci.example/1")).toMatchObject({
      context: "orch/shop/dev",
      state: "success",
      description: expect.stringMatching(/^2 to create, 3 to update/),
      url: "https://ci.example/1",
    });
  });
});
