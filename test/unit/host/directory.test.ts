import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { failureOf, type Live, startHost, tempFolder } from "./kit.js";

describe("a folder on this machine", () => {
  test("lives: with its parents, drift of the mode healed, deleted when empty", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const path = join(folder, "a/b/c");
    const made = await host.create("Directory", { path, mode: "750" });
    expect(made.outputs).toMatchObject({ path, mode: "0750", owner: userInfo().username });
    expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o755);
    expect(await host.read(made)).toEqual(made);

    chmodSync(path, 0o777);
    const drifted = (await host.read(made)) as Live;
    const diff = await host.diff(drifted, { path, mode: "0750" });
    expect(diff.detailed).toEqual([{ path: "mode", kind: "update", inputDiff: true, effect: "update" }]);
    await host.update(drifted, { path, mode: "0750" });
    expect(statSync(path).mode & 0o777).toBe(0o750);

    await host.delete(made);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(folder, "a/b"))).toBe(true);
    await host.delete(made);
  });

  test("that is there already is taken over with its mode", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "there");
    mkdirSync(path);
    chmodSync(path, 0o1777);
    expect((await host.create("Directory", { path })).outputs.mode).toBe("1777");
  });

  test("that is not empty is deleted only with purge; the failure names what is in it", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "d");
    const made = await host.create("Directory", { path });
    for (let i = 0; i < 12; i++) writeFileSync(join(path, `f${i}`), "");
    const failure = await failureOf(host.delete(made));
    expect(failure).toMatchObject({ path: "purge" });
    expect(failure.found).toMatch(/^f0, f1, f10, f11, .* and 2 more$/);
    const purging = await host.update(made, { path, purge: true });
    await host.delete(purging);
    expect(existsSync(path)).toBe(false);
  });

  test("purge of a top-level folder and a file in the way are refused", async () => {
    const host = await startHost();
    expect((await host.check("Directory", { path: "/etc", purge: true })).failures[0]?.path).toBe("purge");
    const path = join(tempFolder(), "f");
    writeFileSync(path, "");
    expect((await failureOf(host.create("Directory", { path }))).found).toBe("a file");
  });

  test("without parents, a missing one is a failure", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "x/y");
    const failure = await failureOf(host.create("Directory", { path, parents: false }));
    expect(failure.message).toContain("no such file or folder");
  });

  test("an unknown owner is named with its path", async () => {
    const host = await startHost();
    const failure = await failureOf(
      host.create("Directory", { path: join(tempFolder(), "x"), owner: "no-such-user-here" }),
    );
    expect(failure).toMatchObject({
      reason: "invalid-property",
      path: "owner",
      found: '"no-such-user-here"',
    });
  });

  test("an owner by number or by name is the same", async () => {
    const host = await startHost();
    const { uid, username } = userInfo();
    const path = join(tempFolder(), "x");
    const made = await host.create("Directory", { path, owner: String(uid) });
    expect(made.outputs.owner).toBe(username);
    expect((await host.read(made))?.inputs.owner).toBe(String(uid));
  });
});
