import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Asset, Secret, unknown } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { failureOf, startHost, tempFolder } from "./kit.js";

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe("a file on this machine", () => {
  test("lives: created, read, drifted, healed, deleted", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "motd");
    const inputs = { path, content: "one\ntwo\n" };

    const made = await host.create("File", inputs);
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(made.id).toBe(path);
    expect(made.outputs).toMatchObject({ path, size: 8, mode: "0644", content: "one\ntwo\n" });
    expect(made.outputs.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await host.read(made)).toEqual(made);
    expect((await host.diff(made, inputs)).changes).toBe("none");

    writeFileSync(path, "one\nTWO\n");
    chmodSync(path, 0o600);
    const drifted = await host.read(made);
    expect(drifted?.outputs).toMatchObject({ content: "one\nTWO\n", mode: "0600" });
    const diff = await host.diff(drifted as never, inputs);
    expect(diff.changes).toBe("some");
    expect(diff.replaces).toEqual([]);
    expect(diff.detailed?.map(({ path, effect }) => [path, effect])).toEqual([
      ["mode", "update"],
      ["content", "update"],
    ]);

    const healed = await host.update(drifted as never, inputs);
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(modeOf(path)).toBe("644");
    await host.delete(healed);
    expect(existsSync(path)).toBe(false);
    await host.delete(healed);
    expect(await host.read(healed)).toBeUndefined();
  });

  test("created again after a crash is recognised, and a temporary file left behind is replaced", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const path = join(folder, "motd");
    writeFileSync(join(folder, ".motd.orch-new"), "half");
    const first = await host.create("File", { path, content: "x" });
    expect(await host.create("File", { path, content: "x" })).toEqual(first);
    expect(readdirSync(folder)).toEqual(["motd"]);
  });

  test("that exists with other content is refused, unless it may be overwritten; a backup keeps it", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const path = join(folder, "hosts");
    writeFileSync(path, "precious");
    const failure = await failureOf(host.create("File", { path, content: "new" }));
    expect(failure).toMatchObject({ reason: "provider-error", path: "content" });
    expect(failure.message).toContain("exists, with content that orch did not put there");
    expect(failure.next?.join()).toContain("import");
    expect(readFileSync(path, "utf8")).toBe("precious");

    await host.create("File", { path, content: "new", overwrite: true, backup: true });
    expect(readFileSync(path, "utf8")).toBe("new");
    const [backup] = readdirSync(folder).filter((name) => name.endsWith(".bak"));
    expect(readFileSync(join(folder, backup as string), "utf8")).toBe("precious");
  });

  test("changed behind orch's back is not overwritten by an update that never saw it", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "f");
    const made = await host.create("File", { path, content: "a" });
    writeFileSync(path, "somebody's");
    const failure = await failureOf(host.update(made, { path, content: "b" }));
    expect(failure.message).toContain("changed behind orch's back");
    expect(readFileSync(path, "utf8")).toBe("somebody's");
    await host.update((await host.read(made)) as never, { path, content: "b" });
    expect(readFileSync(path, "utf8")).toBe("b");
  });

  test("from a template: the content in the plan, an update shown as content, a missing variable named", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "nginx.conf");
    const template = "{% for p in ports %}listen {{ p }};\n{% endfor %}name {{ name }};\n";
    const inputs = { path, template, variables: { ports: [80, 443], name: "web" } };
    const made = await host.create("File", inputs);
    expect(readFileSync(path, "utf8")).toBe("listen 80;\nlisten 443;\nname web;\n");
    const diff = await host.diff(made, { ...inputs, variables: { ports: [80], name: "web" } });
    expect(diff.diffs).toEqual(["content"]);
    expect(diff.detailed?.map((change) => change.path)).toEqual(["content"]);
    const unknownYet = await host.diff(made, { ...inputs, variables: { ports: [80, 443], name: unknown } });
    expect(unknownYet.detailed?.map((change) => change.path)).toEqual(["variables.name", "content"]);

    const { failures } = await host.check("File", { path, template, variables: { ports: [] } });
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ path: "template", expected: "Liquid with these variables: ports" });
    expect(failures[0]?.message).toContain("undefined variable: name");

    const later = await host.checked("File", { path, template, variables: { ports: [], name: unknown } });
    expect(later.content).toBe(unknown);
    const secret = await host.checked("File", {
      path,
      template,
      variables: { ports: [], name: new Secret("n") },
    });
    expect(secret.content).toEqual(new Secret("name n;\n"));
    expect(secret.mode).toBe("0600");
  });

  test("from an asset: text shows its lines, bytes their hash; a source that changed after the plan is refused", async () => {
    const folder = tempFolder();
    const host = await startHost({}, { projectDir: folder });
    writeFileSync(join(folder, "logo.bin"), Buffer.from([0, 1, 2, 255]));
    writeFileSync(join(folder, "page.html"), "<p>\n");
    const page = await host.create("File", {
      path: join(folder, "a"),
      source: new Asset({ kind: "file", path: "page.html" }),
    });
    expect(page.inputs.content).toBe("<p>\n");
    const logo = await host.create("File", {
      path: join(folder, "b"),
      source: new Asset({ kind: "file", path: "logo.bin" }),
    });
    expect(logo.outputs.content).toBeUndefined();
    expect(readFileSync(join(folder, "b"))).toEqual(Buffer.from([0, 1, 2, 255]));
    expect(await host.read(logo)).toEqual(logo);

    writeFileSync(join(folder, "b"), Buffer.from([0, 9]));
    const drifted = await host.read(logo);
    const diff = await host.diff(drifted as never, {
      path: join(folder, "b"),
      source: new Asset({ kind: "file", path: "logo.bin" }),
    });
    expect(diff.diffs).toEqual(["source"]);

    const planned = await host.checked("File", {
      path: join(folder, "c"),
      source: new Asset({ kind: "file", path: "logo.bin" }),
    });
    writeFileSync(join(folder, "logo.bin"), Buffer.from([0, 0]));
    const request = { urn: "urn:pulumi:a::b::host:index:File::c", type: "host:index:File", name: "c" };
    const failure = await failureOf(host.provider.create({ ...request, inputs: planned, preview: false }));
    expect(failure).toMatchObject({ reason: "plan-broken", path: "source" });

    const { failures } = await host.check("File", {
      path: join(folder, "d"),
      source: new Asset({ kind: "file", path: "absent" }),
    });
    expect(failures[0]).toMatchObject({ path: "source" });
  });

  test("secret content stays secret in outputs, in what is read, and in failures", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "token");
    const made = await host.create("File", { path, content: new Secret("hunter2hunter2") });
    expect(modeOf(path)).toBe("600");
    expect(made.outputs.content).toEqual(new Secret("hunter2hunter2"));
    expect(made.outputs.sha256).toBeInstanceOf(Secret);
    writeFileSync(path, "leaked");
    const drifted = await host.read(made);
    expect(drifted?.inputs.content).toEqual(new Secret("leaked"));
    expect(drifted?.outputs.content).toEqual(new Secret("leaked"));
    const failure = await failureOf(
      host.create("File", { path: "/nowhere/hunter2hunter2/x", content: new Secret("hunter2hunter2") }),
    );
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });

  test("that is not a file is left alone", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const path = join(folder, "x");
    mkdirSync(path);
    expect((await failureOf(host.create("File", { path, content: "" }))).message).toContain("is a folder");
    symlinkSync("/etc/hostname", join(folder, "link"));
    const failure = await failureOf(host.create("File", { path: join(folder, "link"), content: "" }));
    expect(failure.message).toContain("symbolic link");

    const made = await host.create("File", { path: join(folder, "y"), content: "" });
    const { rmSync } = await import("node:fs");
    rmSync(join(folder, "y"));
    mkdirSync(join(folder, "y"));
    expect(await host.read(made)).toBeUndefined();
    expect((await failureOf(host.delete(made))).found).toContain("a folder");
  });

  test("in a folder that is not there fails and says so, and nothing is left", async () => {
    const host = await startHost();
    const failure = await failureOf(host.create("File", { path: join(tempFolder(), "no/x"), content: "" }));
    expect(failure.message).toMatch(/no such file or folder/);
    expect(failure.next?.[0]).toContain("host.Directory");
  });

  test("imported: its own path, content and mode", async () => {
    const host = await startHost();
    const path = join(tempFolder(), "old");
    writeFileSync(path, "here before\n", { mode: 0o640 });
    chmodSync(path, 0o640);
    const found = await host.read({ type: "File", id: path, inputs: {}, outputs: {} });
    expect(found?.inputs).toEqual({ path, content: "here before\n", mode: "0640" });
    const diff = await host.diff(found as never, { path, content: "here before\n", mode: "0640" });
    expect(diff.changes).toBe("none");
  });
});

describe("a file in the plan", () => {
  test("outputs are known where the inputs decide them", async () => {
    const host = await startHost();
    const inputs = await host.checked("File", { path: "/srv/x", content: "abc", owner: "app" });
    const preview = await host.provider.create({
      urn: "u",
      type: "host:index:File",
      name: "x",
      inputs,
      preview: true,
    });
    expect(preview.id).toBe("/srv/x");
    expect(preview.outputs).toEqual({
      path: "/srv/x",
      content: "abc",
      mode: "0644",
      owner: "app",
      size: 3,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      group: unknown,
    });
  });

  test("another path or machine replaces; another login does not", async () => {
    const host = await startHost();
    const ssh = { type: "ssh", host: "web1", user: "a" };
    const inputs = await host.checked("File", { path: "/srv/x", content: "", connection: ssh });
    const live = { type: "File", id: "/srv/x", inputs, outputs: {} };
    const replaces = async (next: object) =>
      (await host.diff(live, { ...inputs, ...next } as never)).replaces;
    expect(await replaces({ path: "/srv/y" })).toEqual(["path"]);
    expect(await replaces({ connection: { ...ssh, host: "web2" } })).toEqual(["connection"]);
    expect(await replaces({ connection: { ...ssh, host: unknown } })).toEqual(["connection"]);
    expect(await replaces({ connection: { type: "local" } })).toEqual(["connection"]);
    expect(await replaces({ connection: { ...ssh, user: "b", port: 2222 } })).toEqual([]);
  });

  test("a replace in the same place must delete first", async () => {
    const host = await startHost();
    const inputs = await host.checked("File", { path: "/srv/x", content: "" });
    const live = { type: "File", id: "/srv/x", inputs, outputs: {} };
    expect((await host.diff(live, inputs)).deleteBeforeReplace).toBe(true);
    expect((await host.diff(live, { path: "/srv/y", content: "" })).deleteBeforeReplace).toBe(false);
  });
});
