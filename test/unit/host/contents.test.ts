/** Lines, archives and checkouts, on this machine in folders of the test's own. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Asset } from "@orch/core/model/value";
import { editLine } from "@orch/providers/host/system/line";
import { describe, expect, test } from "vitest";
import { failureOf, type Live, startHost, tempFolder } from "./kit.js";

describe("editing a line", () => {
  test.each([
    ["a\nb\n", { line: "c" }, "a\nb\nc\n"],
    ["a\nb", { line: "c" }, "a\nb\nc\n"],
    ["", { line: "c" }, "c\n"],
    ["a\nb\n", { line: "b" }, undefined],
    ["x=1\n#x=2\nx=3\n", { line: "x=4", match: "^x=" }, "x=1\n#x=2\nx=4\n"],
    ["x=4\n", { line: "x=4", match: "^x=" }, undefined],
    ["a\nb\nc\n", { line: "n", after: "^b" }, "a\nb\nn\nc\n"],
    ["a\nb\nc\n", { line: "n", after: "^z" }, "a\nb\nc\nn\n"],
    ["a\nb\nc\n", { line: "n", before: "^b" }, "a\nn\nb\nc\n"],
    ["a\nb\nc\n", { line: "n", before: "^z" }, "a\nb\nc\nn\n"],
    ["a\nb\na\n", { line: "a", absent: true }, "b\n"],
    ["x=1\ny\n", { line: "", match: "^x", absent: true }, "y\n"],
    ["y\n", { line: "x", absent: true }, undefined],
  ])("%j with %j is %j", (text, how, edited) => {
    expect(editLine(text, how as never)?.text).toBe(edited);
  });
});

describe("a line in a file", () => {
  test("takes another's place, keeps mode, gives it back", async () => {
    const path = join(tempFolder(), "sshd_config");
    writeFileSync(path, "# top\nPort 22\nPermitRootLogin yes\n");
    chmodSync(path, 0o640);
    const host = await startHost();
    const inputs = { path, line: "PermitRootLogin no", match: "^#?PermitRootLogin ", backup: true };
    const made = await host.create("LineInFile", inputs);
    expect(readFileSync(path, "utf8")).toBe("# top\nPort 22\nPermitRootLogin no\n");
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(path, "..")).filter((name) => name.endsWith(".bak"))).toHaveLength(1);
    expect(made.outputs.replaced).toBe("PermitRootLogin yes");
    expect(await host.read(made)).toEqual(made);
    writeFileSync(path, "Port 22\nPermitRootLogin maybe\n");
    const drifted = (await host.read(made)) as Live;
    expect((await host.diff(drifted, inputs)).diffs).toEqual(["line"]);
    await host.update(drifted, inputs);
    expect(readFileSync(path, "utf8")).toContain("PermitRootLogin no\n");
    await host.delete(made);
    expect(readFileSync(path, "utf8")).toBe("Port 22\nPermitRootLogin yes\n");
    await host.delete(made);
  });

  test("ten lines of one file at once are all there", async () => {
    const path = join(tempFolder(), "hosts");
    writeFileSync(path, "");
    const host = await startHost();
    const lines = Array.from({ length: 10 }, (_, i) => `10.0.0.${i} h${i}`);
    await Promise.all(lines.map((line) => host.create("LineInFile", { path, line })));
    expect(readFileSync(path, "utf8").trim().split("\n").sort()).toEqual(lines);
  });

  test("what the validation refuses is not put in place; a file that is not there is said", async () => {
    const path = join(tempFolder(), "conf");
    writeFileSync(path, "good\n");
    const host = await startHost();
    const validate = "! grep bad %s";
    const refused = await failureOf(host.create("LineInFile", { path, line: "bad line", validate }));
    expect(refused).toMatchObject({ reason: "invalid-property", path: "line", found: "bad line" });
    expect(readFileSync(path, "utf8")).toBe("good\n");
    expect(readdirSync(join(path, ".."))).toEqual(["conf"]);
    await host.create("LineInFile", { path, line: "fine", validate });
    const missing = await failureOf(host.create("LineInFile", { path: `${path}2`, line: "x" }));
    expect(missing).toMatchObject({ path: "path", found: "nothing" });
    await host.create("LineInFile", { path: `${path}2`, line: "x", create: true });
    expect(readFileSync(`${path}2`, "utf8")).toBe("x\n");
    const check = await host.check("LineInFile", { path, line: "a\nb", match: "(", validate: "visudo" });
    expect(check.failures.map((failure) => failure.path).sort()).toEqual(["line", "match", "validate"]);
  });
});

describe("an archive", () => {
  const make = (folder: string, text: string): string => {
    mkdirSync(join(folder, "app-1.0"), { recursive: true });
    writeFileSync(join(folder, "app-1.0", "it's"), text);
    const path = join(folder, `${text}.tar.gz`);
    execFileSync("tar", ["-czf", path, "-C", folder, "app-1.0"]);
    return path;
  };
  test("lives: from a file of orch's, then from a url of the machine's", async () => {
    const folder = tempFolder();
    const path = join(folder, "opt", "app");
    const host = await startHost();
    const source = new Asset({ kind: "file", path: make(folder, "one") });
    const made = await host.create("Archive", { path, source, strip: 1 });
    expect(readFileSync(join(path, "it's"), "utf8")).toBe("one");
    expect(await host.read(made)).toEqual(made);
    expect((await host.diff(made, { path, source, strip: 1 })).changes).toBe("none");
    const second = make(folder, "two");
    const url = `file://${second}`;
    const sha256 = execFileSync("sha256sum", [second], { encoding: "utf8" }).slice(0, 64);
    const wrong = await failureOf(host.update(made, { path, url, sha256: "0".repeat(64), strip: 1 }));
    expect(wrong).toMatchObject({ path: "sha256", expected: "0".repeat(64), found: sha256 });
    expect(readFileSync(join(path, "it's"), "utf8")).toBe("one");
    const updated = await host.update(made, { path, url, sha256, strip: 1 });
    expect(readFileSync(join(path, "it's"), "utf8")).toBe("two");
    expect(readdirSync(join(folder, "opt"))).toEqual(["app"]);
    await host.delete(updated);
    expect(existsSync(path)).toBe(false);
    expect(await host.read(updated)).toBeUndefined();
  });
  test("a folder of somebody else's is left alone, and no archive is refused", async () => {
    const folder = tempFolder();
    const path = join(folder, "mine");
    mkdirSync(path);
    writeFileSync(join(path, "precious"), "");
    const host = await startHost();
    const source = new Asset({ kind: "file", path: make(folder, "x") });
    expect(await failureOf(host.create("Archive", { path, source }))).toMatchObject({ reason: "conflict" });
    expect(readdirSync(path)).toEqual(["precious"]);
    writeFileSync(join(folder, "bad.tar.gz"), "no archive");
    const bad = new Asset({ kind: "file", path: join(folder, "bad.tar.gz") });
    const failure = await failureOf(host.create("Archive", { path: join(folder, "new"), source: bad }));
    expect(failure).toMatchObject({ reason: "invalid-property", path: "source" });
    expect(existsSync(join(folder, "new"))).toBe(false);
    const none = await host.check("Archive", { path, url: "https://example.com/x.tar.gz" });
    expect(none.failures).toMatchObject([{ path: "sha256" }]);
  });
});

describe("a git checkout", () => {
  const git = (folder: string, ...args: string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const repository = (): { folder: string; commit: (text: string) => string } => {
    const folder = tempFolder();
    git(folder, "init", "-q", "-b", "main");
    const commit = (text: string): string => {
      writeFileSync(join(folder, "file"), text);
      git(folder, "add", "file");
      git(folder, "commit", "-qm", text);
      return git(folder, "rev-parse", "HEAD");
    };
    return { folder, commit };
  };
  test("lives: a branch, a tag, a commit; somebody's changes are seen and not lost", async () => {
    const { folder, commit } = repository();
    const first = commit("one");
    git(folder, "tag", "v1");
    const path = join(tempFolder(), "copy");
    const host = await startHost();
    const made = await host.create("GitCheckout", { path, repository: folder, revision: "main" });
    expect(made.outputs).toEqual({
      path,
      repository: folder,
      revision: "main",
      commit: first,
      changed: false,
    });
    expect(await host.read(made)).toEqual(made);
    const second = commit("two");
    const fetched = await host.update(made, { path, repository: folder, revision: "main", triggers: [2] });
    expect(fetched.outputs.commit).toBe(second);
    const tagged = await host.update(fetched, { path, repository: folder, revision: "v1" });
    expect(readFileSync(join(path, "file"), "utf8")).toBe("one");
    const pinned = await host.update(tagged, { path, repository: folder, revision: second });
    expect(pinned.outputs.commit).toBe(second);

    git(path, "checkout", "-q", "--detach", first);
    const moved = (await host.read(pinned)) as Live;
    expect((await host.diff(moved, pinned.inputs)).diffs).toEqual(["revision"]);
    await host.update(moved, pinned.inputs);
    writeFileSync(join(path, "file"), "mine");
    const changed = (await host.read(pinned)) as Live;
    expect((await host.diff(changed, pinned.inputs)).diffs).toEqual(["changed"]);
    const kept = await failureOf(host.update(changed, pinned.inputs));
    expect(kept).toMatchObject({ reason: "invalid-property", path: "force" });
    expect(kept.found).toContain("file");
    const forced = await host.update(changed, { ...pinned.inputs, force: true });
    expect(forced.outputs.changed).toBe(false);
    expect(readFileSync(join(path, "file"), "utf8")).toBe("two");
    await host.delete(forced);
    expect(existsSync(path)).toBe(false);
  });
  test("no repository, no such revision, somebody else's folder", async () => {
    const { folder, commit } = repository();
    commit("one");
    const at = tempFolder();
    const host = await startHost();
    const none = await failureOf(
      host.create("GitCheckout", { path: join(at, "a"), repository: join(at, "none") }),
    );
    expect(none).toMatchObject({ reason: "invalid-property", path: "repository" });
    const revision = await failureOf(
      host.create("GitCheckout", { path: join(at, "b"), repository: folder, revision: "v9" }),
    );
    expect(revision).toMatchObject({ reason: "invalid-property", path: "revision", found: "v9" });
    mkdirSync(join(at, "c"));
    writeFileSync(join(at, "c", "precious"), "");
    const foreign = await failureOf(host.create("GitCheckout", { path: join(at, "c"), repository: folder }));
    expect(foreign).toMatchObject({ reason: "conflict", path: "repository" });
    const check = await host.check("GitCheckout", { path: "/x", repository: "https://me:pw@example.com/x" });
    expect(check.failures).toMatchObject([{ path: "repository" }]);
  });
});

describe("restarting", () => {
  test("the machine that orch runs on is refused", async () => {
    const host = await startHost();
    expect(await failureOf(host.create("Reboot", {}))).toMatchObject({ reason: "unsupported" });
  });
});
