/** `host:index:Container` with the real podman and the real docker, each with a storage of its own on this machine. */
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { failureOf, type Live, startHost } from "../unit/host/kit.js";
import { type LabContainers, noContainersHere, startContainers } from "./containers.js";
import { freePort } from "./process.js";
import { describeLab } from "./requirements.js";

for (const tool of ["podman", "docker"] as const) {
  const name = `lab: containers with ${tool}`;
  if (noContainersHere !== undefined) {
    describe.skip(`${name} (${noContainersHere})`, () => {});
    continue;
  }
  describeLab(name, [tool], () => {
    let lab: LabContainers;
    beforeAll(async () => {
      lab = await startContainers(tool);
      for (const [key, value] of Object.entries(lab.environment)) vi.stubEnv(key, value);
    }, 120_000);
    afterAll(async () => {
      vi.unstubAllEnvs();
      await lab?.remove();
    }, 120_000);
    const base = (more: PropertyMap = {}): PropertyMap => ({
      tool,
      image: lab.images[0],
      networks: ["none"],
      stopTimeout: 1,
      ...more,
    });
    const names = (): string[] =>
      lab.run("ps", "-a", "--format", "{{.Names}}").split("\n").filter(Boolean).sort();
    const running = (one: string): boolean =>
      lab.run("container", "inspect", "--format", "{{.State.Running}}", one).trim() === "true";

    test("lives: all settings are read back as given, each change is made, and drift is healed", async () => {
      const host = await startHost();
      const inputs = base({
        name: "whole.one",
        command: ["sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done", "it's"],
        environment: {
          GREETING: "it's  spaced = #1",
          LINES: "one\ntwo",
          PASSWORD: new Secret("hunter2hunter2"),
        },
        volumes: ["orch-lab-data:/data", "/etc:/host:ro"],
        restart: "on-failure:3",
        labels: { "example.com/team": "on call" },
        user: "1000:1000",
        workdir: "/tmp",
        hostname: "whole",
        health: { command: "true", interval: 60, retries: 2 },
        memory: "64m",
        cpus: 0.5,
        pids: 50,
        readOnly: true,
        capAdd: ["NET_ADMIN"],
        capDrop: ["CAP_CHOWN"],
      });
      const made = await host.create("Container", inputs);
      expect(made.outputs).toMatchObject({ status: "running", tool });
      expect(lab.run("exec", "whole.one", "env")).toContain("GREETING=it's  spaced = #1\n");
      expect(lab.run("exec", "whole.one", "env")).toContain("PASSWORD=hunter2hunter2\n");
      expect(lab.calls().join("\n")).not.toContain("hunter2");
      const read = (await host.read(made)) as Live;
      expect(read.inputs).toEqual(made.inputs);
      expect((await host.diff(read, inputs)).changes).toBe("none");
      // Cut off after it was done: the same again is no error and changes nothing.
      expect((await host.create("Container", inputs)).outputs.containerId).toBe(made.outputs.containerId);

      const changed = base({
        name: "whole.one",
        environment: { GREETING: "other" },
        labels: {},
        memory: "128m",
      });
      const planned = await host.diff(made, changed);
      expect(planned).toMatchObject({ changes: "some", replaces: [] });
      expect(planned.detailed?.find(({ path }) => path === "memory")?.reason).toBe(
        "the container is made anew",
      );
      const updated = await host.update(made, changed);
      expect(updated.outputs.containerId).not.toBe(made.outputs.containerId);
      const now = lab.run(
        "container",
        "inspect",
        "--format",
        "{{json .Config.Env}}{{.HostConfig.Memory}}",
        "whole.one",
      );
      expect(now).toContain("GREETING=other");
      expect(now).not.toContain("PASSWORD");
      expect(now).toContain(String(128 * 1024 ** 2));
      expect(names()).toEqual(["whole.one"]);

      lab.run("stop", "whole.one");
      const stopped = (await host.read(updated)) as Live;
      expect((await host.diff(stopped, changed)).diffs).toEqual(["state"]);
      const again = await host.update(stopped, changed);
      expect(again.outputs).toMatchObject({ status: "running", containerId: updated.outputs.containerId });
      const off = await host.update(again, { ...changed, state: "stopped" });
      expect(running("whole.one")).toBe(false);
      await host.delete(off);
      expect(names()).toEqual([]);
      expect(await host.read(off)).toBeUndefined();
      await host.delete(off);
    }, 120_000);

    test("one that somebody made anew by hand is drift, whatever differs, and an image that the tag means by now", async () => {
      const host = await startHost();
      const inputs = base({ name: "again" });
      const made = await host.create("Container", inputs);
      const [image] = lab.images;
      lab.run("rm", "-f", "again");
      lab.run("run", "-d", "--name", "again", "--network", "none", "-e", "EXTRA=1", image);
      const drifted = (await host.read(made)) as Live;
      expect((await host.diff(drifted, inputs)).diffs).toEqual(["settings"]);
      const healed = await host.update(drifted, inputs);
      expect((await host.diff((await host.read(healed)) as Live, inputs)).changes).toBe("none");
      lab.run("rm", "-f", "again");
      lab.run("run", "-d", "--name", "again", "--network", "none", lab.images[1]);
      const unseen = await failureOf(host.update(healed, { ...inputs, hostname: "x" }));
      expect(unseen).toMatchObject({ reason: "conflict" });
      const other = (await host.read(healed)) as Live;
      expect((await host.diff(other, inputs)).diffs).toContain("image");
      const back = await host.update(other, inputs);
      lab.moveTag();
      const older = (await host.read(back)) as Live;
      expect((await host.diff(older, inputs)).diffs).toEqual(["imageId"]);
      const newest = await host.update(older, inputs);
      expect(lab.run("exec", "again", "env")).toContain("RELEASE=3");
      expect((await host.diff((await host.read(newest)) as Live, inputs)).changes).toBe("none");
      await host.delete(newest);
    }, 120_000);

    test("the former one comes back where the new one does not start, and when the work was cut off", async () => {
      const host = await startHost();
      const inputs = base({ name: "steady", environment: { N: "1" } });
      const made = await host.create("Container", inputs);
      const bad = await failureOf(
        host.update(made, { ...inputs, command: ["sh", "-c", "echo the reason; exit 3"] }),
      );
      expect(bad).toMatchObject({ reason: "invalid-property", path: "command", found: "exit code 3" });
      expect(bad.detail).toContain("the reason");
      const missing = await failureOf(host.update(made, { ...inputs, command: ["no-such-program"] }));
      expect(missing.detail).toContain("no-such-program");
      const unknown = await failureOf(
        host.update(made, { ...inputs, image: `${lab.images[0]}-none`, pull: "never" }),
      );
      expect(unknown).toMatchObject({ reason: "invalid-property", path: "image" });
      const sick = await failureOf(
        host.update(made, { ...inputs, health: { command: "false", interval: 1 }, wait: 2 }),
      );
      expect(sick).toMatchObject({ path: "health", expected: "healthy within 2 s" });
      expect(names()).toEqual(["steady"]);
      expect((await host.read(made))?.outputs).toEqual(made.outputs);
      const well = await host.update(made, { ...inputs, health: { command: "true", interval: 1 }, wait: 30 });
      expect(well.outputs.status).toBe("running");

      // Killed between putting the former one aside and starting the new one.
      lab.run("stop", "steady");
      lab.run("rename", "steady", "steady.orch-old");
      lab.run("create", "--name", "steady", "--network", "none", lab.images[1]);
      const failing = await failureOf(
        host.update(well, { ...inputs, command: ["no-such-program"], overwrite: true }),
      );
      expect(failing.reason).toBe("provider-error");
      expect(names()).toEqual(["steady"]);
      expect(running("steady")).toBe(true);
      expect((await host.read(well))?.outputs.containerId).toBe(well.outputs.containerId);
      await host.delete(well);
    }, 120_000);

    test("a foreign one is not overwritten unseen; many are looked at by one inspect; list, import, triggers", async () => {
      const host = await startHost();
      lab.run(
        "run",
        "-d",
        "--name",
        "foreign",
        "--network",
        "none",
        "-e",
        "KEY=theirs-and-secret",
        "--label",
        "a=b",
        lab.images[1],
      );
      const mine = base({ name: "foreign", image: lab.images[1] as string, environment: { KEY: "mine" } });
      const refused = await failureOf(host.create("Container", mine));
      expect(refused).toMatchObject({ reason: "conflict", path: "environment" });
      expect(JSON.stringify(refused)).not.toContain("theirs");
      const imported = (await host.read({
        type: "Container",
        id: "foreign",
        inputs: {},
        outputs: {},
      })) as Live;
      expect(imported.inputs).toMatchObject({
        image: lab.images[1],
        labels: { a: "b" },
        networks: ["none"],
        state: "running",
      });
      expect(imported.inputs.environment).toEqual({ KEY: "theirs-and-secret" });
      expect(Object.keys(imported.inputs).sort()).toEqual([
        "environment",
        "image",
        "labels",
        "name",
        "networks",
        "state",
      ]);

      const made: Live[] = [];
      for (const one of ["one", "two", "three"])
        made.push(await host.create("Container", base({ name: one, state: "stopped" })));
      const before = lab.calls().length;
      const reads = [...made, { type: "Container", id: "gone", inputs: base({ name: "gone" }), outputs: {} }];
      const answers = await host.provider.readMany?.({
        reads: reads.map((one) => ({
          urn: "urn:pulumi:test::host::host:index:Container::it",
          name: "it",
          ...one,
          type: "host:index:Container",
        })),
      });
      expect(answers?.map((one) => ("object" in one ? one.object?.id : undefined))).toEqual([
        "one",
        "two",
        "three",
        undefined,
      ]);
      expect(
        lab
          .calls()
          .slice(before)
          .map((call) => call.split(" ")[0]),
      ).toEqual(["ps", "container", "images"]);
      const listed: string[] = [];
      for await (const { id } of host.provider.list?.({ type: "host:index:Container" }) ?? [])
        listed.push(id);
      expect(listed).toEqual(expect.arrayContaining(["one", "two", "three", "foreign"]));

      const one = await host.update(made[0] as Live, base({ name: "one", triggers: [1] }));
      const pid = (): string => lab.run("container", "inspect", "--format", "{{.State.Pid}}", "one");
      const first = pid();
      const restarted = await host.update(one, base({ name: "one", triggers: [2] }));
      expect(restarted.outputs.containerId).toBe(one.outputs.containerId);
      expect(pid()).not.toBe(first);

      const secret = await host.check("Container", base({ name: "x", command: [new Secret("hunter2")] }));
      expect(secret.failures.map(({ path }) => path)).toEqual(["command"]);
      for (const live of [restarted, ...made.slice(1)]) await host.delete(live);
      lab.run("rm", "-f", "foreign");
    }, 120_000);

    if (tool === "podman")
      test("a port of the machine and a network of its own", async () => {
        const host = await startHost();
        const network = `orch-lab-${process.pid}`;
        lab.run("network", "create", network);
        const port = await freePort();
        const inputs = base({
          name: "web",
          command: ["httpd", "-f", "-h", "/etc", "-p", "80"],
          ports: [`127.0.0.1:${port}:80`],
          networks: [network],
        });
        const made = await host.create("Container", inputs);
        expect(await (await fetch(`http://127.0.0.1:${port}/passwd`)).text()).toContain("root:x:0:0");
        expect((made.outputs.addresses as Record<string, string>)[network]).toMatch(/^\d+\./);
        expect((await host.read(made))?.inputs).toEqual(made.inputs);
        // The same port: the former one must have let go of it.
        const updated = await host.update(made, { ...inputs, environment: { A: "1" } });
        expect((await fetch(`http://127.0.0.1:${port}/passwd`)).status).toBe(200);
        await host.delete(updated);
        lab.run("network", "rm", network);
      }, 120_000);
  });
}
